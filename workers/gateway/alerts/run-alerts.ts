import { log, logFailure } from "../../../shared/observe/log.ts";
import { policyInForce } from "../../../shared/policy/current.ts";
import { readSeries, sumCounts } from "../../audit-log/figures/read-figures.ts";
import { inspectParts } from "../health/health.ts";
import { type AlertFacts, type FoundAlert, findAlerts } from "./find-alerts.ts";
import { type AlertMessage, type AlertTarget, listTargets, sendAlert } from "./targets.ts";

const MINUTE_MS = 60_000;

/** Milliseconds of calls that are looked at. */
const SPAN_MS = 15 * MINUTE_MS;

/** Milliseconds for which a target that fails is told again, every five minutes; and for which alerts are kept after their end. */
const TRIED_MS = 24 * 60 * MINUTE_MS;
const KEPT_MS = 30 * TRIED_MS;

/** Most messages to one target in one run. */
const MOST_MESSAGES = 50;

/** An alert as the database has it. Times are milliseconds since the epoch. */
export interface StoredAlert {
  id: number;
  kind: string;
  subject: string;
  text: string;
  begunAt: number;
  resolvedAt: number | null;
}

const COLUMNS = "alert.id, kind, subject, text, begun_at AS begunAt, resolved_at AS resolvedAt";

const BEGIN = `
  INSERT INTO alert (kind, subject, text, begun_at)
  SELECT value ->> 'kind', value ->> 'subject', value ->> 'text', ?2 FROM json_each(?1) WHERE true
  ON CONFLICT (kind, subject) WHERE resolved_at IS NULL DO UPDATE SET text = excluded.text`;

const RESOLVE = `
  UPDATE alert SET resolved_at = ?2
   WHERE resolved_at IS NULL
     AND NOT EXISTS (SELECT 1 FROM json_each(?1) WHERE value ->> 'kind' = kind AND value ->> 'subject' = subject)`;

// The end of an alert is told to a target that knows of its beginning, also when both are told late.
const UNTOLD = `
  SELECT ${COLUMNS}, change.value AS change
    FROM alert CROSS JOIN json_each('["begun","resolved"]') AS change
   WHERE (change.value = 'begun' OR resolved_at IS NOT NULL)
     AND ifnull(resolved_at, ?2) > ?2 - ${TRIED_MS}
     AND NOT EXISTS (SELECT 1 FROM alert_delivery
                      WHERE alert = alert.id AND alert_delivery.change = change.value AND target = ?1)
   ORDER BY alert.id, change LIMIT ${MOST_MESSAGES}`;

/** Sends one message; throws when the target does not take it. */
export type Send = (request: Request) => Promise<void>;

/**
 * Looks at everything that may be wrong, begins and ends alerts, and tells the targets what they have not been told. Every
 * five minutes; what a target did not take is sent again under the same id, for a day.
 */
export async function runAlerts(env: Env, now: number, send: Send = sendAlert): Promise<void> {
  const rules = (await policyInForce(env)).alerts;
  const found = findAlerts(await collectFacts(env, now), rules);
  await noteAlerts(env.PLATFORM_DB, found, now);
  await tellTargets(env, now, send);
}

/** Stores what is wrong: begins alerts that are new and ends those that are over. */
export async function noteAlerts(
  database: D1Database,
  found: readonly FoundAlert[],
  now: number,
): Promise<void> {
  const text = JSON.stringify(found);
  await database.batch([
    database.prepare(BEGIN).bind(text, now),
    database.prepare(RESOLVE).bind(text, now),
    database.prepare("DELETE FROM alert WHERE resolved_at < ?").bind(now - KEPT_MS),
  ]);
}

/** Alerts, those that last first, then the newest; at most 100. */
export async function listAlerts(database: D1Database): Promise<StoredAlert[]> {
  const sql = `SELECT ${COLUMNS} FROM alert ORDER BY resolved_at IS NOT NULL, begun_at DESC, id DESC LIMIT 100`;
  return (await database.prepare(sql).all<StoredAlert>()).results;
}

/** Sends every target a test message. Returns what became of it, by target. */
export async function sendTest(
  env: Env,
  now: number,
  send: Send = sendAlert,
): Promise<Record<string, boolean>> {
  const message = toMessage(
    env,
    { kind: "test", subject: "", text: "This is a test of the alerts.", at: now },
    "test",
    `test_${now}`,
  );
  const told = listTargets(env).map(
    async (target) => [target.name, await tell(target, message, now, send)] as const,
  );
  return Object.fromEntries(await Promise.all(told));
}

/** Each target by itself: one that is away takes neither places nor time of another one. */
async function tellTargets(env: Env, now: number, send: Send): Promise<void> {
  await Promise.all(listTargets(env).map((target) => tellTarget(env, target, now, send)));
}

/** Tells a target what it has not been told, until the first failure: the next run goes on there. */
async function tellTarget(env: Env, target: AlertTarget, now: number, send: Send): Promise<void> {
  const { results } = await env.PLATFORM_DB.prepare(UNTOLD)
    .bind(target.name, now)
    .all<StoredAlert & { change: "begun" | "resolved" }>();
  for (const { id, change, begunAt, resolvedAt, ...alert } of results) {
    const at = change === "begun" ? begunAt : (resolvedAt ?? now);
    const message = toMessage(env, { ...alert, at }, change, `alert_${id}_${change}`);
    if (!(await tell(target, message, now, send))) return;
    await env.PLATFORM_DB.prepare("INSERT OR IGNORE INTO alert_delivery VALUES (?, ?, ?, ?)")
      .bind(id, change, target.name, now)
      .run();
  }
}

async function tell(target: AlertTarget, message: AlertMessage, now: number, send: Send): Promise<boolean> {
  const about = { target: target.name, alert: message.id };
  try {
    await send(await target.write(message, now));
    log("info", "alert_sent", about);
    return true;
  } catch (failure) {
    logFailure("alert_not_sent", failure, about);
    return false;
  }
}

function toMessage(
  env: Env,
  about: Pick<AlertMessage, "kind" | "subject" | "text" | "at">,
  change: AlertMessage["change"],
  id: string,
): AlertMessage {
  return { id, change, ...about, url: `${env.PUBLIC_URL}/console/alerts` };
}

async function collectFacts(env: Env, now: number): Promise<AlertFacts> {
  const database = env.PLATFORM_DB;
  const trail = database.prepare(
    `SELECT (SELECT count(*) FROM dead_letter) AS letters,
            (SELECT body ->> '$.at' FROM audit_checkpoint ORDER BY number DESC LIMIT 1) AS checkpoint`,
  );
  const [series, parts, row] = await Promise.all([
    readSeries(database, { grain: "minute", from: now - SPAN_MS, to: now + MINUTE_MS }),
    inspectParts(env),
    trail.first<{ letters: number; checkpoint: number | null }>(),
  ]);
  const checkpoint = row?.checkpoint ?? null;
  return {
    calls: sumCounts(series),
    deadLetters: row?.letters ?? 0,
    checkpointAgeMs: checkpoint === null ? null : now - checkpoint,
    failingParts: parts.checks.filter(({ ok }) => !ok).map(({ name }) => name),
    brokenConnections: parts.states
      .filter(({ objects }) => objects.some(({ breaker }) => breaker === "open"))
      .map(({ name }) => name),
    sinks: parts.lags,
  };
}
