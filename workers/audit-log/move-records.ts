import type { Link } from "../../shared/audit/chain.ts";
import { MOST_OF_SEGMENT } from "../../shared/audit/read-stored.ts";
import { log } from "../../shared/observe/log.ts";
import { BEGIN, SPANS } from "./index-segment.ts";
import { openParts } from "./open-parts.ts";
import { putSegment } from "./put-segment.ts";
import { type RunBudget, runRounds } from "./run-rounds.ts";
import { FURTHER_SINKS } from "./sinks/list.ts";
import { placeLink, storeLinks } from "./store-records.ts";

/** Limits of one run; the next run continues. */
const MOVE_BUDGET: RunBudget = { clock: () => Date.now(), ms: 120_000, rounds: 150 };

// What a sink, the counts or the checkpoints do not have yet is read by its number there, so it stays.
const PASSED = `
  SELECT min((SELECT through FROM figure_place),
             ifnull((SELECT body ->> '$.through' FROM audit_checkpoint ORDER BY number DESC LIMIT 1), 0),
             (SELECT last FROM audit_origin),
             ifnull((SELECT min(ifnull(place.through, 0)) FROM json_each(?1) AS sink
                       LEFT JOIN audit_sink AS place ON place.name = sink.value), ${Number.MAX_SAFE_INTEGER})) AS passed`;

// A record of version 1 has its event in what is hashed, and stays until it is removed.
const READ = `
  SELECT id, chain, sequence, hash, body, salt, event FROM audit_record
   WHERE id > ?1 AND id <= ?2 AND body ->> '$.version' <> 1 ORDER BY id LIMIT ${MOST_OF_SEGMENT}`;

// An event that was removed meanwhile must not come back: then the number of records is none, and nothing is moved.
const NAME = `
  INSERT INTO audit_segment (through, records, live, at, digest, heads)
  SELECT ?1, iif(same = ?2, ?2, NULL), ?2, ?3, ?4, NULL FROM (
    SELECT count(*) AS same FROM json_each(?5) AS sent CROSS JOIN audit_record AS record
        ON record.id = sent.value ->> 'id' AND (record.event IS NULL) = (sent.value ->> 'empty'))`;

const DELETE = "DELETE FROM audit_record WHERE id IN (SELECT value ->> 'id' FROM json_each(?))";

type Row = Link & { id: number };

/**
 * Moves records of an earlier release from `audit_record` into segments, oldest first, under their numbers; readers find
 * them in both meanwhile. A segment is put, then named in the transaction that deletes its records. What the release
 * before stored while this one began is stored again like records of the queue. Returns how many records were moved.
 */
export async function moveRecords(env: Env, budget: RunBudget = MOVE_BUDGET): Promise<number> {
  const first = await env.PLATFORM_DB.prepare("SELECT 1 FROM audit_record LIMIT 1").first();
  if (first === null) return 0;
  let moved = 0;
  await runRounds(async () => {
    const count = (await moveOnce(env)) + (await moveLate(env));
    moved += count;
    return { more: count > 0 };
  }, budget);
  if (moved > 0) log("info", "audit_records_moved", { records: moved });
  return moved;
}

async function moveOnce(env: Env): Promise<number> {
  const database = env.PLATFORM_DB;
  const sinks = FURTHER_SINKS.filter(({ isConfigured }) => isConfigured?.(env) ?? true);
  const [, place] = await database.batch<{ passed: number | null }>([
    database.prepare(BEGIN),
    database.prepare(PASSED).bind(JSON.stringify(sinks.map(({ name }) => name))),
  ]);
  const read = await database
    .prepare(READ)
    .bind(0, place?.results[0]?.passed ?? 0)
    .all<Row>();
  const rows = read.results;
  const last = rows.at(-1);
  if (last === undefined) return 0;
  const links = rows
    .map(placeLink)
    .sort((a, b) => (a.chain === b.chain ? a.sequence - b.sequence : a.chain < b.chain ? -1 : 1));
  const { digest, spans } = await putSegment(env, links, await openParts(database, links));
  const places = JSON.stringify(rows.map(({ id, event }) => ({ id, empty: event === null ? 1 : 0 })));
  const oldest = Math.min(...links.map(({ at }) => at));
  await database.batch([
    database.prepare(NAME).bind(last.id, rows.length, oldest, digest, places),
    database.prepare(SPANS).bind(JSON.stringify(spans), digest),
    database.prepare(DELETE).bind(places),
  ]);
  return rows.length;
}

/** Stores what came into the table after segments began, and takes it out of there. */
async function moveLate(env: Env): Promise<number> {
  const origin = await env.PLATFORM_DB.prepare("SELECT last FROM audit_origin").first<number>("last");
  if (origin === null) return 0;
  const { results } = await env.PLATFORM_DB.prepare(READ).bind(origin, Number.MAX_SAFE_INTEGER).all<Row>();
  if (results.length === 0) return 0;
  await storeLinks(env, results, { fromTable: true });
  await env.PLATFORM_DB.prepare(DELETE)
    .bind(JSON.stringify(results.map(({ id }) => ({ id }))))
    .run();
  return results.length;
}
