import { z } from "zod";
import type { Checkpoint } from "./checkpoint.ts";
import type { AuditRecord } from "./record.ts";

/** The span of one chain that an export holds. */
export interface ExportedChain {
  chain: string;
  /** Sequence numbers, both included. */
  first: number;
  last: number;
  /** Hash of the last one. */
  hash: string;
}

/**
 * One line of an export (JSONL): first one `export`, then the records by chain and sequence, then the checkpoints by
 * number, then one `end`.
 */
export type ExportLine =
  | { line: "export"; version: 1; environment: string; at: number; from: number | null; to: number | null }
  | { line: "record"; record: AuditRecord; hash: string }
  | { line: "checkpoint"; checkpoint: Checkpoint; signature: string }
  | { line: "end"; records: number; checkpoints: number; chains: ExportedChain[] };

const HEX = z.string().regex(/^[0-9a-f]{64}$/);
const SEQUENCE = z.int().positive();

// Only what the verifier relies on; everything else is covered by the hashes.
const LINE = z.discriminatedUnion("line", [
  z.looseObject({
    line: z.literal("export"),
    version: z.literal(1),
    from: z.number().nullable(),
    to: z.number().nullable(),
  }),
  z.strictObject({
    line: z.literal("record"),
    hash: z.string(),
    record: z.looseObject({
      version: z.literal(1),
      chain: z.string(),
      sequence: SEQUENCE,
      previous: z.string(),
    }),
  }),
  z.strictObject({
    line: z.literal("checkpoint"),
    signature: z.string(),
    checkpoint: z.looseObject({
      version: z.literal(1),
      number: SEQUENCE,
      at: z.number(),
      previous: z.string(),
      publicKey: z.string(),
      successor: z.string().optional(),
      heads: z.array(z.strictObject({ chain: z.string(), sequence: SEQUENCE, hash: HEX })),
    }),
  }),
  z.strictObject({
    line: z.literal("end"),
    records: z.int(),
    checkpoints: z.int(),
    chains: z.array(z.strictObject({ chain: z.string(), first: SEQUENCE, last: SEQUENCE, hash: HEX })),
  }),
]);

/** Reads one line of an export, or returns `null` when it is not one. */
export function readExportLine(text: string): ExportLine | null {
  try {
    return LINE.parse(JSON.parse(text)) as ExportLine;
  } catch {
    return null;
  }
}
