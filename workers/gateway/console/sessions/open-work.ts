import { ADMINISTRATION } from "../../../../shared/audit/record.ts";
import { eventGate } from "../../../../shared/objects/event-gate.ts";
import { stubOf } from "../../../../shared/objects/open-object.ts";
import { END_HEADER } from "../../../../shared/objects/open-work.ts";
import { principalGate } from "../../../../shared/objects/principal-gate.ts";
import { taskGate } from "../../../../shared/objects/task.ts";

/** Rows of a page. */
const PAGE = 100;

/** Milliseconds after its last noted use that a session may still be open. */
const SESSION_MS = 25 * 60 * 60_000;

/** Milliseconds by which a renewal of a subscription may be noted late. */
const LATE_MS = 60 * 60_000;

const TABLES = { session: "open_session", task: "open_task", subscription: "open_subscription" } as const;

/** What is listed. */
export type WorkKind = "session" | "task" | "subscription";

/** What the list is narrowed to; empty texts mean any. */
export interface WorkFilter {
  /** User id. */
  person: string;
  /** Client id, or id of an API key. */
  app: string;
}

/** An open session, task or subscription. Times are milliseconds since the epoch. */
export interface OpenWork {
  id: string;
  person: string;
  clientId: string;
  /** Path segment of the URL, or `""` for everything. */
  server: string;
  /** Tool and status of a task; event and receiver's host of a subscription; `null` for a session. */
  tool: string | null;
  status: string | null;
  begunAt: number;
  /** Of a session its last use, at most 10 minutes late; of a task or subscription the end of its time, unless it is renewed. */
  at: number;
}

/** A page of {@link OpenWork}, the newest first, and how many there are. */
export interface WorkList {
  work: readonly OpenWork[];
  total: number;
  next: string | null;
}

const FROM: Readonly<Record<WorkKind, string>> = {
  session: `SELECT id, person, client_id AS clientId, server, NULL AS tool, NULL AS status, begun_at AS begunAt,
                   used_at AS at, used_at AS place FROM open_session WHERE used_at > ?1 - ${SESSION_MS}`,
  task: `SELECT id, person, client_id AS clientId, server, tool, status, begun_at AS begunAt, until AS at,
                begun_at AS place FROM open_task WHERE until > ?1`,
  subscription: `SELECT id, person, client_id AS clientId, server, name AS tool, host AS status, begun_at AS begunAt,
                        until AS at, begun_at AS place FROM open_subscription WHERE until > ?1 - ${LATE_MS}`,
};

/** Lists what is open. `after` is the place that the page before led to. */
export async function listWork(
  database: D1Database,
  kind: WorkKind,
  { person, app }: WorkFilter,
  after: string,
  now: number,
): Promise<WorkList> {
  const narrowed = `FROM (${FROM[kind]}) WHERE (?2 = '' OR person = ?2) AND (?3 = '' OR clientId = ?3)`;
  const [, place = "9007199254740991", id = ""] = /^(\d{1,16}) ([\w-]{1,64})$/.exec(after) ?? [];
  const [rows, counted] = await database.batch<OpenWork & { place: number; total: number }>([
    database
      .prepare(
        `SELECT * ${narrowed} AND (place < ?4 OR (place = ?4 AND id < ?5)) ORDER BY place DESC, id DESC LIMIT ${PAGE + 1}`,
      )
      .bind(now, person, app, Number(place), id),
    database.prepare(`SELECT count(*) AS total ${narrowed}`).bind(now, person, app),
  ]);
  const found = rows?.results ?? [];
  const last = found[PAGE - 1];
  return {
    work: found.slice(0, PAGE),
    total: counted?.results[0]?.total ?? 0,
    next: found.length > PAGE && last !== undefined ? `${last.place} ${last.id}` : null,
  };
}

/**
 * Ends sessions, tasks or subscriptions at their objects, and records each with who did it. Returns how many were open; a row of one that
 * was not is removed.
 */
export async function endWork(env: Env, kind: WorkKind, ids: readonly string[], by: string): Promise<number> {
  const database = env.PLATFORM_DB;
  const table = TABLES[kind];
  const { results } = await database
    .prepare(`SELECT * FROM ${table} WHERE id IN (SELECT value FROM json_each(?))`)
    .bind(JSON.stringify(ids.slice(0, PAGE)))
    .all<{ id: string; person: string; binding: string; object: string }>();
  const ended = await Promise.all(
    results.map(async ({ id, person, binding, object }) => {
      const open = await endOne(env, kind, { id, person, binding, object });
      if (open) {
        const event = {
          type: "work_ended" as const,
          userId: person,
          kind,
          id,
          by: `/console/sessions (${by})`,
        };
        await principalGate(env, ADMINISTRATION).record(ADMINISTRATION, event);
      }
      await database.prepare(`DELETE FROM ${table} WHERE id = ?`).bind(id).run();
      return open;
    }),
  );
  return ended.filter(Boolean).length;
}

/** Removes rows whose session, task or subscription ended without a note, at most `limit` of each. Returns their number. */
export async function removeEndedWork(database: D1Database, now: number, limit: number): Promise<number> {
  const results = await database.batch([
    database
      .prepare(
        "DELETE FROM open_session WHERE id IN (SELECT id FROM open_session WHERE used_at <= ? ORDER BY used_at LIMIT ?)",
      )
      .bind(now - SESSION_MS, limit),
    database
      .prepare("DELETE FROM open_task WHERE id IN (SELECT id FROM open_task WHERE until <= ? LIMIT ?)")
      .bind(now, limit),
    database
      .prepare(
        "DELETE FROM open_subscription WHERE id IN (SELECT id FROM open_subscription WHERE until <= ? LIMIT ?)",
      )
      .bind(now - LATE_MS, limit),
  ]);
  return results.reduce((sum, { meta }) => sum + meta.changes, 0);
}

async function endOne(
  env: Env,
  kind: WorkKind,
  { id, person, binding, object }: { id: string; person: string; binding: string; object: string },
): Promise<boolean> {
  if (kind === "session") return await endSession(env, binding, object);
  if (kind === "task") return await taskGate(env, person).end(id);
  return await eventGate(env, person).end(id, "ended_on_page");
}

async function endSession(env: Env, binding: string, object: string): Promise<boolean> {
  const namespace = (env as unknown as Record<string, DurableObjectNamespace | undefined>)[binding];
  if (namespace === undefined) return false;
  // The agents library expects the name of an object that it did not address itself in this header.
  const headers = { [END_HEADER]: "1", "x-partykit-room": object };
  const answer = await stubOf(env, namespace, object).fetch("https://sessions/", { method: "POST", headers });
  await answer.body?.cancel();
  return answer.ok;
}
