import { cutoffsAt, firstKeptDays } from "../../shared/audit/kind-of.ts";
import type { RetentionRules } from "../../shared/policy/retention.ts";
import { isHeldSql } from "./legal-hold.ts";
import { type RunBudget, runRounds } from "./run-rounds.ts";
import { chooseBeginnings, chooseEvents, deleteEmptySegments } from "./sweep-parts.ts";
import { sweepTable } from "./sweep-table.ts";
import { type RemovalWork, signRemoval } from "./write-removal.ts";

/**
 * Limits of one run; the next run continues. A round is about 30 statements. Runs are five minutes apart; a hundred
 * calls a second write 60,000 records in that time, which are three rounds.
 */
export const SWEEP_BUDGET: RunBudget = { clock: () => Date.now(), ms: 120_000, rounds: 24 };

/** Result of a sweep. `more`: its budget was used up, and the next one continues. */
export type Sweep = {
  emptied: number;
  cut: number;
  more: boolean;
};

/** An app's last use is kept no longer than the call itself. */
const FORGET_USES = `
  DELETE FROM audit_last_use WHERE at < ? AND NOT ${isHeldSql("audit_last_use.chain")}`;

/**
 * Removes events past their retention and those of erased users, in two steps that are each signed and run in
 * one transaction: first events are removed, which leaves the record with its hash; then the beginning of a
 * chain is cut as far as all its records are empty. Repeats this until nothing is left or the budget is used
 * up; holds are checked again inside each transaction. An event in a segment is removed with the key of its part.
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
  const firstDays = firstKeptDays(rules, now);
  await env.PLATFORM_DB.prepare(FORGET_USES)
    .bind(before.intent ?? 0)
    .run();
  sweep.more = await runRounds(async () => {
    const table = await sweepTable(env, before, now);
    const events = await remove(env, before, await chooseEvents(env.PLATFORM_DB, firstDays), now);
    const beginnings = await remove(env, before, await chooseBeginnings(env), now);
    const deleted = await deleteEmptySegments(env);
    sweep.emptied += table.emptied + events.records;
    sweep.cut += table.cut + beginnings.records;
    return { more: table.more || events.chosen || beginnings.chosen || deleted > 0 };
  }, budget);
  return sweep;
}

async function remove(
  env: Env,
  before: Readonly<Record<string, number>>,
  choice: { work: RemovalWork; records: number } | null,
  now: number,
): Promise<{ chosen: boolean; records: number }> {
  if (choice === null) return { chosen: false, records: 0 };
  // Parts without a record need no statement.
  if (choice.work.chains.length === 0) return { chosen: true, records: 0 };
  const done = await signRemoval(env, before, choice.work, now);
  return { chosen: true, records: done ? choice.records : 0 };
}
