import { log, logFailure } from "../../../shared/observe/log.ts";
import { policyInForce } from "../../../shared/policy/current.ts";
import { dispatch, type Post } from "../mail/mailer.ts";
import { collectFacts } from "./collect-facts.ts";
import { type FoundAlert, findAlerts, KINDS_BY_PART } from "./find-alerts.ts";
import { type AlertMessage, type AlertTarget, listTargets } from "./list-targets.ts";
import { sendAlert } from "./send-alert.ts";
import { coveredAt } from "./silences.ts";

const MINUTE_MS = 60_000;

/** Milliseconds for which a target that fails is told again, every five minutes; and for which alerts are kept after their end. */
const TRIED_MS = 24 * 60 * MINUTE_MS;
const KEPT_MS = 30 * TRIED_MS;

/** Most changes that one target is told of in one run. */
const MOST_CHANGES = 50;

/** Key in KV while alerts cannot be stored: since when, in milliseconds since the epoch. */
const UNWATCHED = "alerts:unwatched";

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
   WHERE resolved_at IS NULL AND kind NOT IN (SELECT value FROM json_each(?3))
     AND NOT EXISTS (SELECT 1 FROM json_each(?1) WHERE value ->> 'kind' = kind AND value ->> 'subject' = subject)`;

const TOLD = (change: string) => `EXISTS (
  SELECT 1 FROM alert_delivery WHERE alert = alert.id AND alert_delivery.change = ${change} AND target = ?1)`;

// The end of an alert is told to a target that knows of its beginning, also when both are told late and under a silence:
// what opened an incident closes it. One that ended while it was silenced is told to those alone who know of it.
const UNTOLD = `
  SELECT ${COLUMNS}, change.value AS change
    FROM alert CROSS JOIN json_each('["begun","resolved"]') AS change
   WHERE (change.value = 'begun' OR resolved_at IS NOT NULL)
     AND ifnull(resolved_at, ?2) > ?2 - ${TRIED_MS}
     AND NOT ${TOLD("change.value")}
     AND (NOT ${coveredAt("?2")} OR change.value = 'resolved' AND ${TOLD("'begun'")})
     AND (resolved_at IS NULL OR NOT ${coveredAt("alert.resolved_at")} OR ${TOLD("'begun'")})
   ORDER BY alert.id, change LIMIT ${MOST_CHANGES}`;

/**
 * Looks at everything that may be wrong, begins and ends alerts, and tells the targets what they have not been told. Every
 * five minutes; what a target did not take is sent again under the same id, for a day. A part that cannot be looked at is
 * an alert itself, and the alerts about it stay as they are. When alerts cannot even be stored, targets are told that.
 */
export async function runAlerts(
  env: Env,
  now: number,
  send: Post = sendAlert,
  collect: typeof collectFacts = collectFacts,
): Promise<void> {
  try {
    const rules = (await policyInForce(env)).alerts;
    const { facts, unread } = await collect(env, now, rules);
    const found = [
      ...findAlerts(facts, rules),
      ...unread.map((part): FoundAlert => {
        return { kind: "look", subject: part, text: `Alerts about ${part} could not be looked at.` };
      }),
    ];
    const kept = unread.flatMap((part): readonly string[] => KINDS_BY_PART[part]);
    await noteAlerts(env.PLATFORM_DB, found, now, kept);
    await tellTargets(env, now, send);
  } catch (failure) {
    await tellUnwatched(env, now, send);
    throw failure;
  }
  await tellWatched(env, now, send);
}

/**
 * Stores what is wrong: begins alerts that are new and ends those that are over.
 *
 * @param kept - kinds that could not be looked at: their alerts last on
 */
export async function noteAlerts(
  database: D1Database,
  found: readonly FoundAlert[],
  now: number,
  kept: readonly string[] = [],
): Promise<void> {
  const text = JSON.stringify(found);
  await database.batch([
    database.prepare(BEGIN).bind(text, now),
    database.prepare(RESOLVE).bind(text, now, JSON.stringify(kept)),
    database.prepare("DELETE FROM alert WHERE resolved_at < ?").bind(now - KEPT_MS),
    database.prepare("DELETE FROM alert_silence WHERE until < ?").bind(now - KEPT_MS),
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
  send: Post = sendAlert,
): Promise<Record<string, boolean>> {
  const about = { kind: "test", subject: "", text: "This is a test of the alerts.", at: now };
  const message = toMessage(env, about, "test", `test_${now}`);
  const told = listTargets(env).map(async (target) => {
    const ok = await tell(target, [message], now, send);
    // What opens an incident has to close it.
    if (ok && target.closesTests) await tell(target, [{ ...message, change: "resolved" }], now, send);
    return [target.name, ok] as const;
  });
  return Object.fromEntries(await Promise.all(told));
}

/** Each target by itself: one that is away takes neither places nor time of another one. */
async function tellTargets(env: Env, now: number, send: Post): Promise<void> {
  await Promise.all(listTargets(env).map((target) => tellTarget(env, target, now, send)));
}

/** Tells a target what it has not been told, until the first failure: the next run goes on there. */
async function tellTarget(env: Env, target: AlertTarget, now: number, send: Post): Promise<void> {
  const { results } = await env.PLATFORM_DB.prepare(UNTOLD)
    .bind(target.name, now)
    .all<StoredAlert & { change: "begun" | "resolved" }>();
  const changes = results.map(({ id, change, begunAt, resolvedAt, ...alert }) => {
    const at = change === "begun" ? begunAt : (resolvedAt ?? now);
    return { id, change, message: toMessage(env, { ...alert, at }, change, `alert_${id}`) };
  });
  const groups = target.groups && changes.length > 0 ? [changes] : changes.map((change) => [change]);
  for (const group of groups) {
    const messages = group.map(({ message }) => message);
    if (!(await tell(target, messages, now, send))) return;
    await env.PLATFORM_DB.batch(
      group.map(({ id, change }) =>
        env.PLATFORM_DB.prepare("INSERT OR IGNORE INTO alert_delivery VALUES (?, ?, ?, ?)").bind(
          id,
          change,
          target.name,
          now,
        ),
      ),
    );
  }
}

/** Tells every target once that alerts cannot be stored. Reads and writes no database. */
async function tellUnwatched(env: Env, now: number, send: Post): Promise<void> {
  if ((await env.OAUTH_KV.get(UNWATCHED)) !== null) return;
  const text = "Alerts cannot be looked at or stored: the platform database does not answer.";
  const message = toMessage(env, { kind: "watch", subject: "", text, at: now }, "begun", `watch_${now}`);
  const told = await Promise.all(listTargets(env).map((target) => tell(target, [message], now, send)));
  if (told.includes(true)) await env.OAUTH_KV.put(UNWATCHED, String(now));
}

/** Tells every target that alerts are stored again. */
async function tellWatched(env: Env, now: number, send: Post): Promise<void> {
  const since = await env.OAUTH_KV.get(UNWATCHED);
  if (since === null) return;
  const about = { kind: "watch", subject: "", text: "Alerts are looked at and stored again.", at: now };
  const message = toMessage(env, about, "resolved", `watch_${since}`);
  const told = await Promise.all(listTargets(env).map((target) => tell(target, [message], now, send)));
  if (!told.includes(false)) await env.OAUTH_KV.delete(UNWATCHED);
}

async function tell(
  target: AlertTarget,
  messages: readonly AlertMessage[],
  now: number,
  send: Post,
): Promise<boolean> {
  const about = {
    target: target.name,
    alert: messages
      .map(({ id }) => id)
      .join(" ")
      .slice(0, 200),
  };
  try {
    await dispatch(await target.write(messages, now), send);
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
  key: string,
): AlertMessage {
  const id = change === "test" ? key : `${key}_${change}`;
  return { id, key, change, ...about, url: `${env.PUBLIC_URL}/console/alerts` };
}
