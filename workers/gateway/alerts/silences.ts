import { ADMINISTRATION } from "../../../shared/audit/record.ts";
import { principalGate } from "../../../shared/objects/principal-gate.ts";

/** Most characters of a reason. */
export const SILENCE_REASON_LENGTH = 300;

/** Targets are not told of these alerts until then. Times are milliseconds since the epoch. */
export interface Silence {
  id: number;
  kind: string;
  /** `null` for every subject of the kind. */
  subject: string | null;
  reason: string;
  /** User id. */
  by: string;
  at: number;
  until: number;
}

/** SQL: whether a silence covers an alert at a moment. */
export const coveredAt = (moment: string) => `EXISTS (
  SELECT 1 FROM alert_silence AS silence
   WHERE silence.kind = alert.kind AND ifnull(silence.subject, alert.subject) = alert.subject
     AND silence.at <= ${moment} AND silence.until > ${moment})`;

/** The silences that last, those first that end first. */
export async function listSilences(database: D1Database, now: number): Promise<Silence[]> {
  const sql =
    "SELECT id, kind, subject, reason, by, at, until FROM alert_silence WHERE until > ? ORDER BY until LIMIT 100";
  return (await database.prepare(sql).bind(now).all<Silence>()).results;
}

/** Begins a silence, and records it. */
export async function beginSilence(env: Env, silence: Omit<Silence, "id">): Promise<void> {
  const { kind, subject, reason, by, at, until } = silence;
  await record(env, silence, "begun", by);
  await env.PLATFORM_DB.prepare(
    "INSERT INTO alert_silence (kind, subject, reason, by, at, until) VALUES (?, ?, ?, ?, ?, ?)",
  )
    .bind(kind, subject, reason, by, at, until)
    .run();
}

/** Ends a silence now, and records who did it. `false` when it has ended. */
export async function endSilence(env: Env, id: number, by: string, now: number): Promise<boolean> {
  const ended = await env.PLATFORM_DB.prepare(
    `UPDATE alert_silence SET until = ?2, ended_by = ?3 WHERE id = ?1 AND until > ?2
     RETURNING id, kind, subject, reason, by, at, until`,
  )
    .bind(id, now, by)
    .first<Silence>();
  if (ended === null) return false;
  await record(env, ended, "ended", by);
  return true;
}

async function record(
  env: Env,
  { kind, subject, until, reason }: Omit<Silence, "id">,
  change: "begun" | "ended",
  by: string,
): Promise<void> {
  const event = { type: "alert_silence" as const, change, alert: kind, subject, until, reason };
  await principalGate(env, ADMINISTRATION).record(ADMINISTRATION, {
    ...event,
    by: `/console/alerts (${by})`,
  });
}
