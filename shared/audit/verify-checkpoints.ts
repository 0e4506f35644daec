import { canonicalize, digestText } from "./canonical-json.ts";
import { type Checkpoint, isSignedBy, keyIdOf } from "./checkpoint.ts";
import { NO_RECORD } from "./record.ts";
import type { Finding, PlacedRecord } from "./verify-chains.ts";

/** A checkpoint of an export with its place in the file. */
export interface PlacedCheckpoint {
  line: number;
  checkpoint: Checkpoint;
  signature: string;
}

/** What the signed heads are compared with. */
export interface ExportedRecords {
  /** Record by chain and sequence. */
  find(chain: string, sequence: number): PlacedRecord | undefined;
  /** Whether the export begins at the beginning. */
  complete: boolean;
  /** Whether this record must be in the export, if it ever was written. */
  covers(chain: string, sequence: number, signedAt: number): boolean;
}

/**
 * Checks the checkpoints: numbered without a gap, each following the one before, each signed, and each saying of
 * every chain what the records say. A chain that somebody rewrote from some record on, hashes and all, breaks here.
 * A trusted key may hand over: from then on its successor is trusted as well.
 *
 * @param trusted - ids of the keys that may have signed; an empty list takes each checkpoint's own word
 */
export async function verifyCheckpoints(
  checkpoints: readonly PlacedCheckpoint[],
  records: ExportedRecords,
  trusted: readonly string[],
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const mayHaveSigned = new Set(trusted);
  let before: Checkpoint | undefined;
  for (const placed of checkpoints) {
    const { checkpoint } = placed;
    findings.push(...verifyPlace(placed, before, records.complete));
    const doubts = await verifySignature(placed, mayHaveSigned);
    findings.push(...doubts);
    const { successor } = checkpoint;
    if (mayHaveSigned.size > 0 && doubts.length === 0 && successor !== undefined) {
      mayHaveSigned.add(keyIdOf(successor));
    }
    findings.push(...verifyHeads(placed, records));
    before = checkpoint;
  }
  return findings;
}

function verifyPlace(placed: PlacedCheckpoint, before: Checkpoint | undefined, complete: boolean): Finding[] {
  const { checkpoint } = placed;
  if (!before) {
    if (complete && checkpoint.number > 1)
      return [{ ...about(placed, "missing", "is not there"), sequence: 1 }];
    const wrong = checkpoint.number === 1 && checkpoint.previous !== NO_RECORD;
    return wrong ? [about(placed, "edited", "says that something stood before it")] : [];
  }
  const expected = before.number + 1;
  if (checkpoint.number > expected) {
    return [{ ...about(placed, "missing", "is not there"), sequence: expected }];
  }
  if (checkpoint.number < expected)
    return [about(placed, "reordered", `stands after checkpoint ${before.number}`)];
  if (checkpoint.previous === digestText(canonicalize(before))) return [];
  return [about(placed, "edited", "does not follow the checkpoint before it")];
}

async function verifySignature(placed: PlacedCheckpoint, trusted: ReadonlySet<string>): Promise<Finding[]> {
  const { checkpoint, signature } = placed;
  const keyId = keyIdOf(checkpoint.publicKey);
  if (trusted.size > 0 && !trusted.has(keyId)) {
    return [about(placed, "edited", `is signed with the key ${keyId}, which is not trusted`)];
  }
  if (await isSignedBy(checkpoint.publicKey, canonicalize(checkpoint), signature)) return [];
  return [about(placed, "edited", "does not have its signature")];
}

function verifyHeads(placed: PlacedCheckpoint, records: ExportedRecords): Finding[] {
  const { number, at, heads } = placed.checkpoint;
  return heads.flatMap(({ chain, sequence, hash }): Finding[] => {
    const record = records.find(chain, sequence);
    const base = { chain, sequence };
    if (!record) {
      if (!records.covers(chain, sequence, at)) return [];
      return [
        {
          ...base,
          line: placed.line,
          kind: "missing",
          text: `is not there, but checkpoint ${number} signed it`,
        },
      ];
    }
    if (record.computed === hash) return [];
    const text = `or one before it is not what checkpoint ${number} signed`;
    return [{ ...base, line: record.line, kind: "edited", text }];
  });
}

function about({ line, checkpoint }: PlacedCheckpoint, kind: Finding["kind"], text: string): Finding {
  return { line, kind, chain: null, sequence: checkpoint.number, text };
}
