import { cutoffsAt } from "../../shared/audit/kind-of.ts";
import { type ChainRemoval, toRanges } from "../../shared/audit/removal.ts";
import type { RetentionRules } from "../../shared/policy/retention.ts";
import { isHeldSql } from "./legal-hold.ts";
import { CALL_TYPES, findRetiredCalls, type Place } from "./retired-calls.ts";
import { type RunBudget, runRounds } from "./run-rounds.ts";
import { signRemoval } from "./write-removal.ts";

/** Most records that one removal empties or cuts: one statement in D1 handles them in about a second. */
export const ROWS = 5_000;
/** Most chains that one removal cuts. */
const CUT_CHAINS = 500;

/**
 * Limits of one run; the next run continues. A round is about 22 statements. Runs are five minutes apart; a hundred
 * calls a second write 60,000 records in that time, which are twelve rounds.
 */
export const SWEEP_BUDGET: RunBudget = { clock: () => Date.now(), ms: 120_000, rounds: 30 };

/** Result of a sweep. `more`: its budget was used up, and the next one continues. */
export type Sweep = {
  emptied: number;
  cut: number;
  more: boolean;
};

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
 * Chain beginnings whose records may be deleted completely. A record of version 1 cannot be emptied, because
 * its hash covers its event: it is deleted once everything of its age is past retention, or with its user.
 * The newest record always stays, because the next one builds on it.
 */
const BEGINNINGS = `
  WITH begun AS MATERIALIZED (
    SELECT chain, min(sequence) AS first, EXISTS (SELECT 1 FROM erased_person WHERE user_id = record.chain) AS erased
      FROM audit_record AS record WHERE event IS NULL AND ${NOT_HELD} GROUP BY chain),
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

/** An app's last use is kept no longer than the call itself. */
const FORGET_USES = `
  DELETE FROM audit_last_use WHERE at < ? AND NOT ${isHeldSql("audit_last_use.chain")}`;

type Beginning = { chain: string; first: number; erased: number; through: number; hash: string };

/**
 * Removes events past their retention and those of erased users, in two steps that are each signed and run in
 * one transaction: first events are emptied, which leaves the record with its hash; then the beginning of a
 * chain is cut as far as all its records are empty. Repeats this until nothing is left or the budget is used
 * up; holds are checked again inside each transaction.
 */
export async function sweepRecords(
  env: Env,
  rules: RetentionRules,
  now: number,
  budget: RunBudget = SWEEP_BUDGET,
): Promise<Sweep> {
  const sweep: Sweep = { emptied: 0, cut: 0, more: false };
  if (rules.legal_hold) return sweep;
  const before = cutoffsAt(rules, now);
  sweep.more = await runRounds(async () => {
    const { emptied, cut, more } = await sweepOnce(env, before, now);
    sweep.emptied += emptied;
    sweep.cut += cut;
    return { more };
  }, budget);
  return sweep;
}

async function sweepOnce(env: Env, before: Record<string, number>, now: number): Promise<Sweep> {
  const database = env.PLATFORM_DB;
  const { results: erased } = await database.prepare(ERASED).bind(ROWS).all<Place>();
  const { results: past } = await database
    .prepare(PAST)
    .bind(JSON.stringify(before), ROWS - erased.length)
    .all<Place>();
  const calls = await findRetiredCalls(database, before.intent ?? 0, ROWS - erased.length - past.length);
  await database
    .prepare(FORGET_USES)
    .bind(before.intent ?? 0)
    .run();
  const gone = new Set(erased.map(placeOf));
  const retired = [...past, ...calls].filter((place) => !gone.has(placeOf(place)));
  const emptying = [...describe(erased, "erasure"), ...describe(retired, "retention")];
  const isEmptied = emptying.length > 0 && (await signRemoval(env, before, emptying, now));

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
  const isCut = cuts.length > 0 && (await signRemoval(env, before, cuts, now));
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
