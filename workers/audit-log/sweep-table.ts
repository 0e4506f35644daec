import { type ChainRemoval, toRanges } from "../../shared/audit/removal.ts";
import { isHeldSql } from "./legal-hold.ts";
import { CALL_TYPES, findRetiredCalls, type Place } from "./retired-calls.ts";
import { STATED, signRemoval } from "./write-removal.ts";

/** Most records that one removal empties or cuts: one statement in D1 handles them in about a second. */
const ROWS = 5_000;
/** Most chains that one removal cuts. */
const CUT_CHAINS = 500;

const NOT_HELD = `NOT ${isHeldSql("record.chain")}`;

// The last event of an erased person only states the erasure.
const ERASED = `
  SELECT record.chain, record.sequence FROM erased_person AS person
   CROSS JOIN audit_record AS record ON record.chain = person.user_id AND record.event IS NOT NULL
   WHERE record.type <> 'erasure' AND ${NOT_HELD} ORDER BY record.chain, record.sequence LIMIT ?`;

// The two records of a call are found along their chains; all other types are rare and have an index by age.
const PAST = `
  SELECT record.chain, record.sequence FROM json_each(?) AS cutoff
   CROSS JOIN audit_record AS record
      ON record.type = cutoff.key AND record.at < cutoff.value AND record.event IS NOT NULL
     AND record.type NOT IN ${CALL_TYPES}
   WHERE ${NOT_HELD} LIMIT ?`;

/**
 * Chain beginnings whose records may be deleted completely. Those of a chain that has segments wait until they are there. A record of version 1 cannot be emptied, because
 * its hash covers its event: it is deleted once everything of its age is past retention, or with its user.
 * The newest record always stays, because the next one builds on it.
 */
const BEGINNINGS = `
  WITH begun AS MATERIALIZED (
    SELECT chain, min(sequence) AS first, EXISTS (SELECT 1 FROM erased_person WHERE user_id = record.chain) AS erased
      FROM audit_record AS record
     WHERE event IS NULL AND ${NOT_HELD} AND NOT EXISTS (SELECT 1 FROM audit_part WHERE chain = record.chain)
     GROUP BY chain),
  bounded AS MATERIALIZED (
    SELECT chain, first, erased,
           min(first + ?2,
               (SELECT max(sequence) FROM audit_record WHERE chain = begun.chain),
               ifnull((SELECT min(sequence) FROM audit_record
                        WHERE chain = begun.chain AND event IS NOT NULL), ${Number.MAX_SAFE_INTEGER}),
               ifnull((SELECT min(sequence) FROM audit_record
                        WHERE chain = begun.chain AND event IS NULL AND body ->> '$.version' = 1
                          AND at >= ?1 AND NOT erased), ${Number.MAX_SAFE_INTEGER})) - 1 AS through
      FROM begun
     WHERE first = (SELECT min(sequence) FROM audit_record WHERE chain = begun.chain))
  SELECT bounded.chain, bounded.first, bounded.erased, bounded.through, last.hash
    FROM bounded JOIN audit_record AS last ON last.chain = bounded.chain AND last.sequence = bounded.through
   WHERE through - first + 1 = (SELECT count(*) FROM audit_record
                                 WHERE chain = bounded.chain AND sequence BETWEEN first AND through)
   LIMIT ?3`;

const EMPTIED = `
  SELECT record.id, record.at FROM json_each(?3) AS chain CROSS JOIN json_each(chain.value, '$.emptied') AS span
   CROSS JOIN audit_record AS record
      ON record.chain = chain.value ->> 'chain' AND record.sequence BETWEEN span.value ->> 0 AND span.value ->> 1`;

const CUT = `
  SELECT record.id, record.at FROM json_each(?3) AS chain
   CROSS JOIN audit_record AS record
      ON record.chain = chain.value ->> 'chain' AND record.sequence <= chain.value ->> '$.cut.through'`;

// Before the records themselves, by which they are found.
const unsearch = (table: string, records: string) =>
  `DELETE FROM ${table} WHERE ${STATED} AND (at, id) IN (SELECT at, id FROM (${records}))`;

const STATEMENTS = [
  ...["call_entry", "trail_call"].flatMap((table) => [unsearch(table, EMPTIED), unsearch(table, CUT)]),
  `UPDATE audit_record SET event = NULL, salt = NULL WHERE ${STATED} AND id IN (SELECT id FROM (${EMPTIED}))`,
  `DELETE FROM audit_record WHERE ${STATED} AND id IN (SELECT id FROM (${CUT}))`,
];

type Beginning = { chain: string; first: number; erased: number; through: number; hash: string };

/**
 * {@link sweepRecords} for records that an earlier release stored in `audit_record`, until they are in segments: one round.
 *
 * @param before - by event type, the time before which events are past retention
 */
export async function sweepTable(
  env: Env,
  before: Readonly<Record<string, number>>,
  now: number,
): Promise<{ emptied: number; cut: number; more: boolean }> {
  const database = env.PLATFORM_DB;
  if ((await database.prepare("SELECT 1 FROM audit_record LIMIT 1").first()) === null)
    return { emptied: 0, cut: 0, more: false };
  const { results: erased } = await database.prepare(ERASED).bind(ROWS).all<Place>();
  const { results: past } = await database
    .prepare(PAST)
    .bind(JSON.stringify(before), ROWS - erased.length)
    .all<Place>();
  const calls = await findRetiredCalls(database, before.intent ?? 0, ROWS - erased.length - past.length);
  const gone = new Set(erased.map(placeOf));
  const retired = [...past, ...calls].filter((place) => !gone.has(placeOf(place)));
  const remove = (chains: ChainRemoval[]) =>
    signRemoval(env, before, { chains, statements: STATEMENTS.map((sql) => ({ sql, of: chains })) }, now);
  const emptying = [...describe(erased, "erasure"), ...describe(retired, "retention")];
  const isEmptied = emptying.length > 0 && (await remove(emptying));

  // Every event of this age is past retention, whatever its type.
  const oldest = Math.min(...Object.values(before));
  const { results: beginnings } = await database
    .prepare(BEGINNINGS)
    .bind(oldest, ROWS, CUT_CHAINS)
    .all<Beginning>();
  const cuttable = takeRecords(beginnings, ROWS);
  const cuts = cuttable.map(({ chain, erased: isErased, through, hash }): ChainRemoval => {
    return { chain, reason: isErased ? "erasure" : "retention", emptied: [], cut: { through, hash } };
  });
  const isCut = cuts.length > 0 && (await remove(cuts));
  return {
    emptied: isEmptied ? erased.length + retired.length : 0,
    cut: isCut ? countRecords(cuttable) : 0,
    more: emptying.length + cuts.length > 0,
  };
}

/** The first beginnings that have at most this many records together, but at least one. */
function takeRecords(beginnings: readonly Beginning[], most: number): Beginning[] {
  const end = beginnings.findIndex((_, index) => countRecords(beginnings.slice(0, index + 1)) > most);
  return beginnings.slice(0, end === -1 ? beginnings.length : Math.max(end, 1));
}

function countRecords(beginnings: readonly Beginning[]): number {
  return beginnings.reduce((sum, { first, through }) => sum + through - first + 1, 0);
}

function describe(places: readonly Place[], reason: ChainRemoval["reason"]): ChainRemoval[] {
  return [...Map.groupBy(places, ({ chain }) => chain)].map(([chain, own]) => {
    const sequences = own.map(({ sequence }) => sequence).sort((a, b) => a - b);
    return { chain, reason, emptied: toRanges(sequences), cut: null };
  });
}

function placeOf({ chain, sequence }: Place): string {
  return `${sequence} ${chain}`;
}
