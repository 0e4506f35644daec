/** Records on one page. */
const PAGE_SIZE = 50;

/** A stored record as the console shows it. */
export interface ListedRecord {
  id: number;
  chain: string;
  /** Name of the chain's person; `null` for a chain of the system, and for somebody who was erased. */
  name: string | null;
  sequence: number;
  /** Milliseconds since the epoch. */
  at: number;
  type: string;
  /** JSON; `null` when it was removed. */
  event: string | null;
}

const PAGE = `
  SELECT record.id, record.chain, person."name", record.sequence, record.at, record.type, record.event
    FROM audit_record AS record LEFT JOIN "user" AS person ON person."id" = record.chain`;

/** One page of the trail, newest first; `next` is the number to go on before, or `null` at the end. */
export async function listRecords(
  database: D1Database,
  chain: string | null,
  before: number,
): Promise<{ records: ListedRecord[]; next: number | null }> {
  // Within a chain the index of its places leads; over all of them the order in which records were stored.
  const [where, values] =
    chain === null
      ? [`WHERE record.id < ?1 ORDER BY record.id DESC`, [before]]
      : [`WHERE record.chain = ?2 AND record.sequence < ?1 ORDER BY record.sequence DESC`, [before, chain]];
  const { results } = await database
    .prepare(`${PAGE} ${where} LIMIT ${PAGE_SIZE + 1}`)
    .bind(...values)
    .all<ListedRecord>();
  const records = results.slice(0, PAGE_SIZE);
  const last = records.at(-1);
  const next = results.length > PAGE_SIZE && last ? (chain === null ? last.id : last.sequence) : null;
  return { records, next };
}
