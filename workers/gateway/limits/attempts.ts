import { digestText } from "../../../shared/encoding/canonical-json.ts";
import { type Counter, groupByGate } from "../../../shared/objects/attempt-gate.ts";

/** At most `limit` attempts with the same `subject` per window. */
export interface AttemptRule {
  /** Key of the counter. Stored as a digest only. */
  subject: string;
  limit: number;
  windowMs: number;
}

/** Whether an attempt may proceed; otherwise in how many whole seconds the next may. */
export type Admission = { admitted: true } | { admitted: false; retryAfter: number };

/**
 * Counts one attempt under every rule before the attempt is made: of parallel attempts exactly `limit` are admitted, each
 * rule for itself. The counters are in objects of their own, so they count while the platform database is away. Throws when
 * an object does not answer: what cannot be counted is not admitted.
 */
export async function admitAttempt(env: Env, rules: readonly AttemptRule[], now: number): Promise<Admission> {
  const attempts = rules.map(({ subject, limit, windowMs }) => ({
    key: digestText(subject),
    limit,
    endsAt: now + windowMs,
  }));
  const groups = groupByGate(env, attempts, ({ key }) => key);
  const waits = await Promise.all(groups.map(([gate, own]) => gate.admit(own, now)));
  const waitMs = Math.max(0, ...waits);
  return waitMs === 0 ? { admitted: true } : { admitted: false, retryAfter: Math.ceil(waitMs / 1000) };
}

/** Removes a successful attempt from the counters, so that correct entries never reach the limit. */
export async function resetAttempts(env: Env, rules: readonly AttemptRule[]): Promise<void> {
  const keys = rules.map(({ subject }) => digestText(subject));
  await Promise.all(groupByGate(env, keys, (key) => key).map(([gate, own]) => gate.giveBack(own)));
}

/** Counters that one run moves. */
const MOVED = 500;

/**
 * Moves what the release before has counted in the platform database, at most {@link MOVED} counters: what counts once
 * counts once over an upgrade too. The table goes with a later release, because the one before writes to it until this one
 * serves. Returns how many rows left it.
 */
export async function moveCounters(env: Env, now: number): Promise<number> {
  const database = env.PLATFORM_DB;
  const { results } = await database
    .prepare(`SELECT key, count, window_ends_at AS endsAt FROM attempt_counter LIMIT ${MOVED}`)
    .all<Counter>();
  if (results.length === 0) return 0;
  const living = results.filter(({ endsAt }) => endsAt > now);
  await Promise.all(groupByGate(env, living, ({ key }) => key).map(([gate, own]) => gate.adopt(own)));
  const remove = database.prepare("DELETE FROM attempt_counter WHERE key = ? AND count = ?");
  const removed = await database.batch(results.map(({ key, count }) => remove.bind(key, count)));
  return removed.reduce((sum, { meta }) => sum + meta.changes, 0);
}
