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
 * Moves what the release before has counted in the platform database, newest windows first and at most {@link MOVED}
 * counters, and removes what has ended. Until it has run, counters start from zero after the upgrade. The table goes with a later release, because the one before writes to it until this one
 * serves. Returns how many rows left it.
 */
export async function moveCounters(env: Env, now: number): Promise<number> {
  const database = env.PLATFORM_DB;
  const [ended, newest] = await database.batch<Counter>([
    database.prepare("DELETE FROM attempt_counter WHERE window_ends_at <= ?").bind(now),
    database
      .prepare(
        `SELECT key, count, window_ends_at AS endsAt FROM attempt_counter WHERE window_ends_at > ?
          ORDER BY window_ends_at DESC LIMIT ${MOVED}`,
      )
      .bind(now),
  ]);
  const living = newest?.results ?? [];
  const gone = ended?.meta.changes ?? 0;
  if (living.length === 0) return gone;
  await Promise.all(groupByGate(env, living, ({ key }) => key).map(([gate, own]) => gate.adopt(own)));
  const remove = database.prepare("DELETE FROM attempt_counter WHERE key = ? AND count = ?");
  const removed = await database.batch(living.map(({ key, count }) => remove.bind(key, count)));
  return removed.reduce((sum, { meta }) => sum + meta.changes, gone);
}
