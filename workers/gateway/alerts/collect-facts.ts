import { logFailure } from "../../../shared/observe/log.ts";
import type { AlertRules } from "../../../shared/policy/alerts.ts";
import { policyInForce } from "../../../shared/policy/current.ts";
import { readCountLag } from "../../audit-log/figures/count-records.ts";
import { readSeries, sumCounts } from "../../audit-log/figures/read-figures.ts";
import { inspectParts } from "../health/health.ts";
import type { AlertFacts } from "./find-alerts.ts";
import { BURN_SPANS_MS } from "./find-burns.ts";
import { readBehaviour } from "./read-behaviour.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** Milliseconds of calls that are looked at. */
const SPAN_MS = 15 * MINUTE_MS;

/** Most keys that one run reports. */
const MOST_KEYS = 100;

type Part = keyof AlertFacts;

/** What could be read, and the parts that could not. */
export interface CollectedFacts {
  facts: AlertFacts;
  unread: readonly Part[];
}

/** Reads what alerts are found from. A part that cannot be read leaves the others as they are. */
export async function collectFacts(env: Env, now: number, rules: AlertRules): Promise<CollectedFacts> {
  const database = env.PLATFORM_DB;
  const readers: { [Name in Part]: () => Promise<NonNullable<AlertFacts[Name]>> } = {
    calls: async () =>
      sumCounts(await readSeries(database, { grain: "minute", from: now - SPAN_MS, to: now + MINUTE_MS })),
    burns: () => readBurns(database, now),
    behaviour: () => readBehaviour(database, now, rules),
    trail: () => readTrail(database, now),
    countLagMs: async () => (await readCountLag(database, now)).ms,
    parts: () => readParts(env),
    keys: () => readKeys(database, now, rules),
    credentials: () => readCredentials(env, now, rules),
    teams: () => readTeams(database, now),
  };
  const unread: Part[] = [];
  const read = Object.entries(readers).map(async ([name, reader]) => {
    try {
      return [[name, await reader()]];
    } catch (failure) {
      logFailure("alert_facts_not_read", failure, { part: name });
      unread.push(name as Part);
      return [];
    }
  });
  return { facts: Object.fromEntries((await Promise.all(read)).flat()) as AlertFacts, unread };
}

async function readBurns(database: D1Database, now: number): Promise<NonNullable<AlertFacts["burns"]>> {
  const from = now - BURN_SPANS_MS.slow.long;
  const series = await readSeries(database, { grain: "minute", from, to: now + MINUTE_MS });
  const since = (ms: number) => sumCounts(series.filter(({ at }) => at >= now - ms));
  const { fast, slow } = BURN_SPANS_MS;
  return {
    fast: { long: since(fast.long), short: since(fast.short) },
    slow: { long: since(slow.long), short: since(slow.short) },
  };
}

async function readTrail(database: D1Database, now: number): Promise<NonNullable<AlertFacts["trail"]>> {
  const row = await database
    .prepare(
      `SELECT (SELECT count(*) FROM dead_letter) AS letters,
              (SELECT body ->> '$.at' FROM audit_checkpoint ORDER BY number DESC LIMIT 1) AS checkpoint`,
    )
    .first<{ letters: number; checkpoint: number | null }>();
  const checkpoint = row?.checkpoint ?? null;
  return {
    deadLetters: row?.letters ?? 0,
    checkpointAgeMs: checkpoint === null ? null : now - checkpoint,
  };
}

async function readParts(env: Env): Promise<NonNullable<AlertFacts["parts"]>> {
  const { checks, states, lags } = await inspectParts(env);
  return {
    failing: checks.filter(({ ok }) => !ok).map(({ name }) => name),
    broken: states
      .filter(({ objects }) => objects.some(({ breaker }) => breaker === "open"))
      .map(({ name }) => name),
    sinks: lags,
  };
}

async function readKeys(
  database: D1Database,
  now: number,
  { expiry_days: days }: AlertRules,
): Promise<NonNullable<AlertFacts["keys"]>> {
  const { results } = await database
    .prepare(
      `SELECT key_id AS id, max(ends_at) - ?1 AS leftMs FROM access_key_secret
        GROUP BY key_id HAVING max(ends_at) < ?2 ORDER BY leftMs LIMIT ${MOST_KEYS}`,
    )
    .bind(now, now + days * DAY_MS)
    .all<{ id: string; leftMs: number }>();
  return results;
}

/**
 * What ends soon of secrets in the vault, whose owner said when; of client secrets, as the policy says; and of people's
 * accounts, as the other system said. An account is about to end in the last third of its time: use prolongs most.
 */
async function readCredentials(
  env: Env,
  now: number,
  { expiry_days: days }: AlertRules,
): Promise<NonNullable<AlertFacts["credentials"]>> {
  const { results } = await env.PLATFORM_DB.prepare(
    `SELECT subject, leftMs FROM (
       SELECT 'secret ' || name AS subject, expires_at - ?1 AS leftMs FROM connection_secret AS own
        WHERE expires_at < ?2 AND sealed IS NOT NULL
          AND version = (SELECT max(version) FROM connection_secret WHERE name = own.name)
       UNION ALL
       SELECT 'account ' || connection || ' ' || user_id, expires_at - ?1 FROM person_account
        WHERE state = 'connected' AND expires_at < ?2 AND expires_at - ?1 < (expires_at - changed_at) / 3)
     ORDER BY leftMs LIMIT ${MOST_KEYS}`,
  )
    .bind(now, now + days * DAY_MS)
    .all<{ subject: string; leftMs: number }>();
  const { providers } = (await policyInForce(env)).signIn;
  const secrets = [...providers].flatMap(([name, provider]) =>
    "secret_expires" in provider && provider.secret_expires !== undefined
      ? [{ subject: `sign_in ${name}`, leftMs: Date.parse(provider.secret_expires) - now }]
      : [],
  );
  return [...results, ...secrets];
}

async function readTeams(database: D1Database, now: number): Promise<NonNullable<AlertFacts["teams"]>> {
  const { results } = await database
    .prepare(
      `SELECT id FROM team
        WHERE NOT EXISTS (SELECT 1 FROM team_holder WHERE team_id = team.id)
          AND EXISTS (SELECT 1 FROM access_key JOIN access_key_secret ON key_id = access_key.id
                       WHERE owner = team.id AND ends_at > ?)
        LIMIT ${MOST_KEYS}`,
    )
    .bind(now)
    .all<{ id: string }>();
  return results.map(({ id }) => id);
}
