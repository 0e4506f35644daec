import { isHeldSql } from "./legal-hold.ts";

/** Chains per search. */
const CHAINS = 100;
/** Records of a chain per read. */
const STRETCH = 1_000;

/** Types without an index by age: the two records of every call. */
export const CALL_TYPES = "('intent', 'outcome')";

/** Position of a record. */
export interface Place {
  chain: string;
  sequence: number;
}

// One seek per chain, however many records it has (the loose index scan of SQLite's wiki, «recursive»).
const DUE = `
  WITH RECURSIVE begun (chain) AS (
    SELECT min(chain) FROM audit_record
     UNION ALL
    SELECT (SELECT min(chain) FROM audit_record WHERE chain > begun.chain) FROM begun WHERE begun.chain IS NOT NULL)
  SELECT begun.chain, ifnull(swept.through, 0) AS through
    FROM begun LEFT JOIN audit_swept AS swept ON swept.chain = begun.chain
   WHERE begun.chain IS NOT NULL AND NOT ${isHeldSql("begun.chain")}
     AND (SELECT at FROM audit_record AS record WHERE record.chain = begun.chain
             AND record.sequence > ifnull(swept.through, 0) ORDER BY record.sequence LIMIT 1) < ?1
   LIMIT ?2`;

const READ = `
  SELECT sequence, at, (type IN ${CALL_TYPES} AND event IS NOT NULL) AS full FROM audit_record
   WHERE chain = ? AND sequence > ? ORDER BY sequence LIMIT ${STRETCH}`;

const MARK = `
  INSERT INTO audit_swept (chain, through) VALUES (?1, ?2)
  ON CONFLICT (chain) DO UPDATE SET through = max(through, excluded.through)`;

type Row = { sequence: number; at: number; full: number };

/**
 * Finds the call events that were recorded before a time and still exist, of all users without a hold. Stores
 * how far each chain has been searched, so that the next search starts there.
 */
export async function findRetiredCalls(database: D1Database, before: number, most: number): Promise<Place[]> {
  const { results: due } = await database
    .prepare(DUE)
    .bind(before, CHAINS)
    .all<{ chain: string; through: number }>();
  const found: Place[] = [];
  for (const { chain, through } of due) {
    if (found.length >= most) break;
    const { sequences, clearThrough } = await readChain(database, chain, through, before);
    if (clearThrough > through) await database.prepare(MARK).bind(chain, clearThrough).run();
    found.push(...sequences.map((sequence) => ({ chain, sequence })));
  }
  return found.slice(0, most);
}

/** Reads on until it finds events to remove or reaches records that are too new. */
async function readChain(
  database: D1Database,
  chain: string,
  through: number,
  before: number,
): Promise<{ sequences: number[]; clearThrough: number }> {
  for (let from = through; ; ) {
    const { results } = await database.prepare(READ).bind(chain, from).all<Row>();
    const young = results.findIndex(({ at }) => at >= before);
    const old = young === -1 ? results : results.slice(0, young);
    const full = old.filter((row) => row.full === 1).map(({ sequence }) => sequence);
    const clearThrough = full[0] === undefined ? (old.at(-1)?.sequence ?? from) : full[0] - 1;
    if (full.length > 0 || old.length < STRETCH) return { sequences: full, clearThrough };
    from = clearThrough;
  }
}
