import { daysOf, type RetentionRules } from "../../../shared/policy/retention.ts";
import { GRAINS } from "./grains.ts";

const DAY_MS = 24 * 60 * 60_000;

/** Days that counts by minute and by hour are kept. Those by day stay as long as the calls, or the denials, themselves. */
const MINUTE_DAYS = 3;
const HOUR_DAYS = 70;

/** Days that one half of a call waits for the other. The queues deliver for less than five. */
const EARLY_DAYS = 14;

const REMOVE_CALLS = `
  DELETE FROM call_figure WHERE (grain, dimension, at, member) IN (
    SELECT grain, dimension, at, member FROM call_figure
     WHERE grain = ?1 AND dimension IN ('all', 'server', 'operation', 'use', 'person', 'app') AND at < ?2 LIMIT ?3)`;

const REMOVE_REASONS = `
  DELETE FROM reason_figure WHERE (grain, kind, at, name) IN (
    SELECT grain, kind, at, name FROM reason_figure
     WHERE grain = ?1 AND kind IN (SELECT value FROM json_each(?4)) AND at < ?2 LIMIT ?3)`;

/** Kinds of reasons, by what the policy's retention calls them. */
const REASONS = { denials: ["denial", "rule"], calls: ["error", "approval"], sign_ins: ["sign_in"] } as const;

const ENDED_BEFORE = `
  UPDATE call_figure SET denied = 0
   WHERE grain = ${GRAINS.day} AND dimension IN ('all', 'server', 'operation', 'person', 'app') AND at < ? AND denied > 0`;

/**
 * Removes counts that are past their time, at most `limit` rows of each kind: minutes and hours after fixed times, days
 * when the policy's retention of what they count is over. Totals stay; they name no person. Returns the number of rows.
 */
export async function removeFigures(
  database: D1Database,
  rules: RetentionRules,
  now: number,
  limit: number,
): Promise<number> {
  const before = (days: number) => now - days * DAY_MS;
  const spans = [
    [GRAINS.minute, () => MINUTE_DAYS],
    [GRAINS.hour, (days: number) => Math.min(days, HOUR_DAYS)],
    [GRAINS.day, (days: number) => days],
  ] as const;
  const statements = spans.flatMap(([grain, kept]) => [
    database.prepare(REMOVE_CALLS).bind(grain, before(kept(daysOf(rules, "calls"))), limit),
    ...(["denials", "calls", "sign_ins"] as const).map((kind) =>
      database
        .prepare(REMOVE_REASONS)
        .bind(grain, before(kept(daysOf(rules, kind))), limit, JSON.stringify(REASONS[kind])),
    ),
  ]);
  const results = await database.batch([
    ...statements,
    database.prepare(ENDED_BEFORE).bind(before(daysOf(rules, "denials"))),
    database.prepare("DELETE FROM trace_block WHERE until < (SELECT min(at) FROM call_entry)"),
    ...["early_outcome", "open_call"].map((table) =>
      database.prepare(`DELETE FROM ${table} WHERE at < ?`).bind(before(EARLY_DAYS)),
    ),
  ]);
  return results.slice(0, statements.length).reduce((sum, { meta }) => sum + meta.changes, 0);
}
