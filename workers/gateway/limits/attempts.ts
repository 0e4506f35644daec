import { digestText } from "../../../shared/encoding/canonical-json.ts";

/** At most `limit` attempts with the same `subject` per window. */
export interface AttemptRule {
  /** Key of the counter. Stored as a digest only. */
  subject: string;
  limit: number;
  windowMs: number;
}

/** Whether an attempt may proceed; otherwise in how many whole seconds the next may. */
export type Admission = { admitted: true } | { admitted: false; retryAfter: number };

const COUNT = `
  INSERT INTO attempt_counter (key, count, window_ends_at) VALUES (?1, 1, ?2)
  ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN window_ends_at <= ?3 THEN 1 ELSE count + 1 END,
    window_ends_at = CASE WHEN window_ends_at <= ?3 THEN ?2 ELSE window_ends_at END
  RETURNING count, window_ends_at`;

/**
 * Counts one attempt under every rule, in one transaction, before the attempt is made: of parallel attempts
 * exactly `limit` are admitted. Windows are fixed, so an attacker who keeps trying does not extend a lockout.
 */
export async function admitAttempt(
  database: D1Database,
  rules: readonly AttemptRule[],
  now: number,
): Promise<Admission> {
  const keys = rules.map((rule) => digestText(rule.subject));
  const results = await database.batch<{ count: number; window_ends_at: number }>(
    rules.map((rule, index) => database.prepare(COUNT).bind(keys[index], now + rule.windowMs, now)),
  );
  let waitMs = 0;
  rules.forEach((rule, index) => {
    const row = results[index]?.results[0];
    if (row !== undefined && row.count > rule.limit) waitMs = Math.max(waitMs, row.window_ends_at - now);
  });
  return waitMs === 0 ? { admitted: true } : { admitted: false, retryAfter: Math.ceil(waitMs / 1000) };
}

/** Removes a successful attempt from the counters, so that correct entries never reach the limit. */
export async function resetAttempts(database: D1Database, rules: readonly AttemptRule[]): Promise<void> {
  const keys = rules.map((rule) => digestText(rule.subject));
  await database.batch(
    keys.map((key) =>
      database.prepare("UPDATE attempt_counter SET count = max(count - 1, 0) WHERE key = ?").bind(key),
    ),
  );
}

/** Deletes counters whose window has ended, at most `limit`. Returns their number. */
export async function removeEndedCounters(database: D1Database, now: number, limit: number): Promise<number> {
  const result = await database
    .prepare(
      "DELETE FROM attempt_counter WHERE key IN (SELECT key FROM attempt_counter WHERE window_ends_at <= ? ORDER BY window_ends_at LIMIT ?)",
    )
    .bind(now, limit)
    .run();
  return result.meta.changes;
}
