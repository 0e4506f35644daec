import type { AlertRules } from "../../../shared/policy/alerts.ts";
import { GRAINS } from "../../audit-log/figures/grains.ts";
import { usesOf } from "../../audit-log/figures/uses.ts";
import type { BehaviourFacts, Counted } from "./find-behaviour.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Most people or apps of one kind that one run reports. */
const MOST = 50;

/** Most of the newest calls that one run looks through for tools that are new. */
const MOST_CALLS = 20_000;

const DENIALS = `
  WITH often (person) AS (
    SELECT person FROM call_entry WHERE at >= ?1 AND status = 'denied' GROUP BY person HAVING count(*) >= ?2 LIMIT ${MOST})
  SELECT (SELECT word FROM trail_word WHERE id = often.person) AS member,
         (SELECT count(*) FROM call_entry AS denied
           WHERE denied.person = often.person AND denied.at >= ?1 AND denied.status = 'denied'
             AND denied.at > ifnull((SELECT max(at) FROM call_entry AS done
                                      WHERE done.person = often.person AND done.at >= ?1 AND done.status = 'ok'), 0)) AS count
    FROM often`;

/** SQL: calls by hour of each person and of each app, from `?1` to before `?2`. */
const HOURLY = (["person", "app"] as const)
  .map(
    (dimension) => `
  SELECT '${dimension}' AS dimension, at, member, sum(calls) AS count
    FROM (${usesOf(dimension, String(GRAINS.hour), ["?1", "?2"], "calls")}) GROUP BY at, member`,
  )
  .join(" UNION ALL ");

const VOLUMES = `
  SELECT dimension, member, count FROM (${HOURLY}) WHERE count >= ?3 ORDER BY count DESC LIMIT ${MOST}`;

const BUSIEST = `
  SELECT dimension, member, max(count) AS count FROM (${HOURLY})
   WHERE member IN (SELECT value FROM json_each(?3)) GROUP BY dimension, member`;

// An operation is `tool crm crm_find_contacts`. Words are looked up once for all calls of one person and operation.
const LEARN = `
  INSERT INTO known_use (chain, name, first_at)
  SELECT person.word, substr(operation.word, 6 + instr(substr(operation.word, 6), ' ')), min(call.at)
    FROM (SELECT person, operation, min(at) AS at FROM (
            SELECT person, operation, at FROM call_entry WHERE at >= ?1 ORDER BY at DESC, id DESC LIMIT ${MOST_CALLS})
           GROUP BY person, operation) AS call
   CROSS JOIN trail_word AS person ON person.id = call.person
   CROSS JOIN trail_word AS operation ON operation.id = call.operation
   WHERE operation.word >= 'tool ' AND operation.word < 'tool!'
   GROUP BY 1, 2
  ON CONFLICT (chain, name) DO NOTHING`;

const NEW_TOOLS = `
  SELECT chain AS member, count(*) AS count FROM known_use AS used
   WHERE first_at >= ?1
     AND EXISTS (SELECT 1 FROM known_use AS before WHERE before.chain = used.chain AND before.first_at < ?2)
   GROUP BY chain HAVING count(*) >= ?3 LIMIT ${MOST}`;

const NEW_COUNTRIES = `
  SELECT dimension, member, count(*) AS count FROM known_country AS seen
   WHERE first_at >= ?1
     AND EXISTS (SELECT 1 FROM known_country AS before
                  WHERE before.dimension = seen.dimension AND before.member = seen.member AND before.first_at < ?2)
   GROUP BY 1, 2 HAVING count(*) >= ?3 LIMIT ${MOST}`;

/** Milliseconds without a call from there after which a country is forgotten. */
const COUNTRY_KEPT_MS = 180 * DAY_MS;

type Volume = Counted & { dimension: "person" | "app" };

/** Reads what people and apps do at `now` (milliseconds since the epoch), and learns the tools that they call. */
export async function readBehaviour(
  database: D1Database,
  now: number,
  rules: AlertRules,
): Promise<BehaviourFacts> {
  const since = now - 15 * MINUTE_MS;
  const hour = now - (now % HOUR_MS);
  const [denials, volumes, , newTools, newCountries] = await database.batch<Volume>([
    database.prepare(DENIALS).bind(since, rules.denials_in_row),
    database.prepare(VOLUMES).bind(hour, hour + HOUR_MS, rules.volume_calls),
    database.prepare(LEARN).bind(since),
    database.prepare(NEW_TOOLS).bind(now - HOUR_MS, now - 7 * DAY_MS, rules.new_tools),
    database.prepare(NEW_COUNTRIES).bind(now - DAY_MS, now - 7 * DAY_MS, rules.new_countries),
  ]);
  return {
    denials: denials?.results ?? [],
    volumes: await addBusiest(database, hour, volumes?.results ?? []),
    newTools: newTools?.results ?? [],
    newCountries: newCountries?.results ?? [],
  };
}

/** Forgets countries from which there was no call for half a year, at most `limit`. Returns their number. */
export async function forgetCountries(database: D1Database, now: number, limit: number): Promise<number> {
  const result = await database
    .prepare(
      `DELETE FROM known_country WHERE (dimension, member, country) IN (
         SELECT dimension, member, country FROM known_country WHERE last_at < ? ORDER BY last_at LIMIT ?)`,
    )
    .bind(now - COUNTRY_KEPT_MS, limit)
    .run();
  return result.meta.changes;
}

async function addBusiest(database: D1Database, hour: number, volumes: readonly Volume[]) {
  if (volumes.length === 0) return [];
  const members = JSON.stringify(volumes.map(({ member }) => member));
  const { results } = await database
    .prepare(BUSIEST)
    .bind(hour - 7 * DAY_MS, hour, members)
    .all<Volume>();
  const known = new Map(results.map(({ dimension, member, count }) => [`${dimension} ${member}`, count]));
  return volumes.map((one) => ({ ...one, busiest: known.get(`${one.dimension} ${one.member}`) ?? null }));
}
