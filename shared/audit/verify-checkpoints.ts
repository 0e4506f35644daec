import type { Checkpoint } from "./checkpoint.ts";
import type { Finding } from "./finding.ts";
import type { PlacedRecord } from "./verify-chains.ts";
import { type Placed, verifyStatements } from "./verify-statements.ts";

/** The records that signed heads are compared with. */
export interface ExportedRecords {
  /** Record by chain and sequence. */
  find(chain: string, sequence: number): PlacedRecord | undefined;
  /** Whether the export covers the chains from their beginning. */
  complete: boolean;
  /** Whether the export must contain this record, if it was ever written. */
  covers(chain: string, sequence: number, signedAt: number): boolean;
}

/**
 * Checks the series of checkpoints, and that each signed head matches its record. It detects a chain that was
 * rewritten from some record on with new hashes.
 *
 * @param trusted - ids of the keys that may have signed; an empty list accepts any key
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
