import { logFailure } from "../observe/log.ts";

/**
 * The index of open sessions, tasks and subscriptions in the platform database, for the console. The objects decide what is open; they
 * write here after that, and a write that fails is left to the next one or to the hourly clean-up.
 */

/** A session as its object knows it. Times are milliseconds since the epoch. */
export interface OpenSession {
  /** As in the trail. */
  id: string;
  /** Binding and name of its object. */
  binding: string;
  object: string;
  /** Path segment of the URL, or `""`. */
  server: string;
  person: string;
  clientId: string;
}

/** An unfinished task as its object knows it. */
export interface OpenTask {
  id: string;
  clientId: string;
  server: string;
  tool: string;
  status: string;
  begunAt: number;
  /** When it is deleted, whatever became of it. */
  until: number;
}

/** A subscription to events as its person's object knows it. */
export interface OpenSubscription {
  id: string;
  clientId: string;
  server: string;
  name: string;
  host: string;
  begunAt: number;
  until: number;
}

/** Header with which the console ends a session at its object. */
export const END_HEADER = "gatehouse-end";

/** Notes that a session was used. */
export function noteSession(database: D1Database, session: OpenSession, now: number): Promise<void> {
  const { id, binding, object, server, person, clientId } = session;
  return quietly(
    database
      .prepare(
        `INSERT INTO open_session (id, binding, object, server, person, client_id, begun_at, used_at)
         VALUES (?, ?, ?, ?, ?, ?, ?7, ?7) ON CONFLICT (id) DO UPDATE SET used_at = excluded.used_at`,
      )
      .bind(id, binding, object, server, person, clientId, now)
      .run(),
  );
}

/** Notes that a session has ended. */
export function forgetSession(database: D1Database, id: string): Promise<void> {
  return quietly(database.prepare("DELETE FROM open_session WHERE id = ?").bind(id).run());
}

/** Notes which tasks of a person are unfinished: these and no others. */
export function noteTasks(database: D1Database, person: string, tasks: readonly OpenTask[]): Promise<void> {
  const text = JSON.stringify(tasks);
  return replaceAll(
    database,
    "open_task",
    person,
    text,
    `
    INSERT INTO open_task (id, person, client_id, server, tool, status, begun_at, until)
    SELECT value ->> 'id', ?2, value ->> 'clientId', value ->> 'server', value ->> 'tool', value ->> 'status',
           value ->> 'begunAt', value ->> 'until' FROM json_each(?1) WHERE true
    ON CONFLICT (id) DO UPDATE SET status = excluded.status, until = excluded.until`,
  );
}

/** Notes which subscriptions of a person are in force: these and no others. A renewal is noted once an hour. */
export function noteSubscriptions(
  database: D1Database,
  person: string,
  subscriptions: readonly OpenSubscription[],
): Promise<void> {
  const text = JSON.stringify(subscriptions);
  return replaceAll(
    database,
    "open_subscription",
    person,
    text,
    `
    INSERT INTO open_subscription (id, person, client_id, server, name, host, begun_at, until)
    SELECT value ->> 'id', ?2, value ->> 'clientId', value ->> 'server', value ->> 'name', value ->> 'host',
           value ->> 'begunAt', value ->> 'until' FROM json_each(?1) WHERE true
    ON CONFLICT (id) DO UPDATE SET until = excluded.until, begun_at = excluded.begun_at
     WHERE abs(excluded.until - until) > 3600000`,
  );
}

/** Makes the rows of a person those in a JSON text (`?1`), in one transaction. */
function replaceAll(
  database: D1Database,
  table: "open_task" | "open_subscription",
  person: string,
  text: string,
  insert: string,
): Promise<void> {
  const others = `DELETE FROM ${table} WHERE person = ?2 AND id NOT IN (SELECT value ->> 'id' FROM json_each(?1))`;
  return quietly(database.batch([others, insert].map((sql) => database.prepare(sql).bind(text, person))));
}

async function quietly(work: Promise<unknown>): Promise<void> {
  await work.catch((failure: unknown) => logFailure("open_work_not_noted", failure));
}
