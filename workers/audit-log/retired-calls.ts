import { isHeldSql } from "./legal-hold.ts";

/** Chains per search. */
const CHAINS = 1_000;

/** Types without an index by age: the two records of every call. */
export const CALL_TYPES = "('intent', 'outcome')";

/** Position of a record. */
export interface Place {
  chain: string;
  sequence: number;
}

// One seek per chain, however many records it has (the loose index scan of SQLite's wiki, «recursive»). Chains whose
// first record is old enough share the records of one search equally, so that a search never reads a whole backlog.
const READ = `
  WITH RECURSIVE begun (chain) AS (
    SELECT min(chain) FROM audit_record
     UNION ALL
    SELECT (SELECT min(chain) FROM audit_record WHERE chain > begun.chain) FROM begun WHERE begun.chain IS NOT NULL),
  due (chain, first) AS MATERIALIZED (
    SELECT begun.chain,
           (SELECT record.sequence FROM audit_record AS record WHERE record.chain = begun.chain
               AND record.sequence > ifnull(swept.through, 0) ORDER BY record.sequence LIMIT 1)
      FROM begun LEFT JOIN audit_swept AS swept ON swept.chain = begun.chain
     WHERE begun.chain IS NOT NULL AND NOT ${isHeldSql("begun.chain")}
       AND (SELECT at FROM audit_record AS record WHERE record.chain = begun.chain
               AND record.sequence > ifnull(swept.through, 0) ORDER BY record.sequence LIMIT 1) < ?1
     LIMIT ${CHAINS})
  SELECT due.chain, record.sequence, record.at, (record.type IN ${CALL_TYPES} AND record.event IS NOT NULL) AS full
    FROM due CROSS JOIN audit_record AS record
      ON record.chain = due.chain AND record.sequence >= due.first
     AND record.sequence < due.first + ?2 / (SELECT count(*) FROM due) + 1
   ORDER BY due.chain, record.sequence LIMIT ?2`;

const MARK = `
  INSERT INTO audit_swept (chain, through)
  SELECT value ->> 'chain', value ->> 'through' FROM json_each(?) WHERE true
  ON CONFLICT (chain) DO UPDATE SET through = max(through, excluded.through)`;

type Row = Place & { at: number; full: number };

/**
 * Finds the call events that were recorded before a time and still exist, of all users without a hold. Stores
 * how far each chain has been searched, so that the next search starts there. Two statements for all chains
 * together, repeated while they find only records whose event was removed.
 */
export async function findRetiredCalls(database: D1Database, before: number, most: number): Promise<Place[]> {
  if (most <= 0) return [];
  for (;;) {
    const { results } = await database.prepare(READ).bind(before, most).all<Row>();
    const found: Place[] = [];
    const clear: { chain: string; through: number }[] = [];
    for (const [chain, rows] of Map.groupBy(results, (row) => row.chain)) {
      const young = rows.findIndex(({ at }) => at >= before);
      const old = young === -1 ? rows : rows.slice(0, young);
      const first = old.findIndex(({ full }) => full === 1);
      const last = first === -1 ? old.at(-1) : old[first - 1];
      if (last) clear.push({ chain, through: last.sequence });
      for (const { sequence, full } of old) if (full === 1) found.push({ chain, sequence });
    }
    if (clear.length > 0) await database.prepare(MARK).bind(JSON.stringify(clear)).run();
    if (found.length > 0 || clear.length === 0) return found;
  }
}
