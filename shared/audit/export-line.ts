import { z } from "zod";
import type { Link } from "./chain.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { AuditEvent, AuditRecord } from "./record.ts";
import type { Removal } from "./removal.ts";

/** The span of one chain in an export. */
export interface ExportedChain {
  chain: string;
  /** Sequence numbers, both inclusive. */
  first: number;
  last: number;
  /** Hash of the last record. */
  hash: string;
  /**
   * Sequence up to which the chain is complete, if a later record was stored first: the records between had
   * not reached the database when the export ran. Omitted if the chain is complete up to `last`.
   */
  complete?: number;
}

/** A record with its hash. `salt` and `event` are omitted if the event was removed, and in version 1. */
export interface RecordLine {
  line: "record";
  record: AuditRecord;
  hash: string;
  salt?: string;
  event?: AuditEvent;
}

/**
 * One line of an export (JSONL), in this order: one `export`, the records by chain and sequence, the
 * checkpoints by number, the removals by number, one `end`.
 */
export type ExportLine =
  | { line: "export"; version: 2; environment: string; at: number; from: number | null; to: number | null }
  | RecordLine
  | { line: "checkpoint"; checkpoint: Checkpoint; signature: string }
  | { line: "removal"; removal: Removal; signature: string }
  | { line: "end"; records: number; checkpoints: number; removals: number; chains: ExportedChain[] };

const HEX = z.string().regex(/^[0-9a-f]{64}$/);
const SEQUENCE = z.int().positive();
const PLACE = { chain: z.string(), sequence: SEQUENCE, previous: z.string() };
const SIGNED = { version: z.literal(1), number: SEQUENCE, at: z.number(), previous: z.string() };

// Only the parts that the verifier relies on; the hashes cover the rest.
const LINE = z.discriminatedUnion("line", [
  z.looseObject({
    line: z.literal("export"),
    version: z.union([z.literal(1), z.literal(2)]),
    at: z.number(),
    from: z.number().nullable(),
    to: z.number().nullable(),
  }),
  z.strictObject({
    line: z.literal("record"),
    hash: z.string(),
    salt: z.string().optional(),
    event: z.looseObject({ type: z.string() }).optional(),
    record: z.discriminatedUnion("version", [
      z.looseObject({ version: z.literal(1), ...PLACE }),
      z.looseObject({
        version: z.literal(2),
        ...PLACE,
        at: z.number(),
        type: z.string(),
        commitment: z.string(),
      }),
    ]),
  }),
  z.strictObject({
    line: z.literal("checkpoint"),
    signature: z.string(),
    checkpoint: z.looseObject({
      ...SIGNED,
      publicKey: z.string(),
      successor: z.string().optional(),
      heads: z.array(z.strictObject({ chain: z.string(), sequence: SEQUENCE, hash: HEX })),
    }),
  }),
  z.strictObject({
    line: z.literal("removal"),
    signature: z.string(),
    removal: z.looseObject({
      ...SIGNED,
      publicKey: z.string(),
      purpose: z.literal("removal"),
      before: z.record(z.string(), z.number()),
      chains: z.array(
        z.strictObject({
          chain: z.string(),
          reason: z.enum(["retention", "erasure"]),
          emptied: z.array(z.tuple([SEQUENCE, SEQUENCE])),
          cut: z.strictObject({ through: SEQUENCE, hash: HEX }).nullable(),
        }),
      ),
    }),
  }),
  z.strictObject({
    line: z.literal("end"),
    records: z.int(),
    checkpoints: z.int(),
    removals: z.int().default(0),
    chains: z.array(
      z.strictObject({
        ...{ chain: z.string(), first: SEQUENCE, last: SEQUENCE, hash: HEX },
        complete: z.int().nonnegative().optional(),
      }),
    ),
  }),
]);

/** A stored record as a line of an export. */
export function toRecordLine({
  body,
  hash,
  salt,
  event,
}: Pick<Link, "body" | "hash" | "salt" | "event">): RecordLine {
  const record = JSON.parse(body) as AuditRecord;
  if (salt === null || event === null) return { line: "record", record, hash };
  return { line: "record", record, hash, salt, event: JSON.parse(event) as AuditEvent };
}

/** Reads one line of an export, or returns `null` when it is not one. */
export function readExportLine(text: string): ExportLine | null {
  try {
    return LINE.parse(JSON.parse(text)) as ExportLine;
  } catch {
    return null;
  }
}
