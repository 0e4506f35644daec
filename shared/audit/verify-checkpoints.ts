import type { Checkpoint } from "./checkpoint.ts";
import type { Finding } from "./finding.ts";
import type { PlacedRecord } from "./verify-chains.ts";
import { type Placed, verifyStatements } from "./verify-statements.ts";

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
 * Checks the checkpoints as a series, and that each says of every chain what the records say. A chain that somebody
 * rewrote from some record on, hashes and all, breaks here.
 *
 * @param trusted - ids of the keys that may have signed; an empty list takes each checkpoint's own word
 */
export async function verifyCheckpoints(
  checkpoints: readonly Placed<Checkpoint>[],
  records: ExportedRecords,
  trusted: readonly string[],
): Promise<Finding[]> {
  const series = await verifyStatements("checkpoint", checkpoints, records.complete, trusted);
  return [...series, ...checkpoints.flatMap((placed) => verifyHeads(placed, records))];
}

function verifyHeads({ line, statement }: Placed<Checkpoint>, records: ExportedRecords): Finding[] {
  const { number, at, heads } = statement;
  return heads.flatMap(({ chain, sequence, hash }): Finding[] => {
    const record = records.find(chain, sequence);
    const base = { about: "record", chain, sequence } as const;
    if (!record) {
      if (!records.covers(chain, sequence, at)) return [];
      const text = `is not there, but checkpoint ${number} signed it`;
      return [{ ...base, line, kind: "missing", text }];
    }
    if (record.computed === hash) return [];
    const text = `or one before it is not what checkpoint ${number} signed`;
    return [{ ...base, line: record.line, kind: "edited", text }];
  });
}
