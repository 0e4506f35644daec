import os from "node:os";
import type { PeopleDatabase, Row } from "./database.ts";
import { quoteText } from "./statements.ts";

/** Milliseconds between two looks at a request. */
const LOOK_EVERY_MS = 5_000;

/** What a command writes down as the one who asks: the command, and who ran it on their machine. */
export function nameAsker(command: string): string {
  return `npm run ${command} (${os.userInfo().username.replace(/\p{Cc}/gu, "")})`.slice(0, 200);
}

/** SQL: the id of the person with this address, or of the person with this id. */
export function idOfUser(user: string): string {
  const text = quoteText(user);
  return `(SELECT "id" FROM "user" WHERE "email" = lower(${text}) OR "id" = ${text})`;
}

/** SQL: says who made the changes to a person that the database has just noted. Belongs into their transaction. */
export function nameWhoChanged(email: string, by: string): string {
  return `UPDATE admin_request SET by = ${quoteText(by)} WHERE kind = 'person_change' AND by = 'database' AND done_at IS NULL AND user_id = ${idOfUser(email)};`;
}

/** SQL: asks the Worker for something about a person, or about nobody (`null`). `unless` is a condition in SQL. */
export function askFor(
  kind: "data_export" | "erasure" | "redrive",
  user: string | null,
  by: string,
  unless = "0",
): string {
  const id = user === null ? "NULL" : idOfUser(user);
  return `INSERT INTO admin_request (kind, user_id, detail, by, at) SELECT ${quoteText(kind)}, ${id}, '{}', ${quoteText(by)}, unixepoch() * 1000 WHERE NOT (${unless});`;
}

/** SQL: whether anything holds this person. */
export function heldSql(user: string): string {
  return `EXISTS (SELECT 1 FROM legal_hold WHERE released_at IS NULL AND (user_id IS NULL OR user_id = ${idOfUser(user)}))`;
}

/** The newest request of a kind about a person or nobody; `undefined` when there is none that is open. */
export async function findOpenRequest(
  database: PeopleDatabase,
  kind: string,
  user: string | null,
): Promise<number | undefined> {
  const about = user === null ? "user_id IS NULL" : `user_id = ${idOfUser(user)}`;
  const [row] = await database.query(
    `SELECT max(id) AS id FROM admin_request WHERE kind = ${quoteText(kind)} AND done_at IS NULL AND ${about};`,
  );
  return row?.id == null ? undefined : Number(row.id);
}

/** Waits until a request was carried out. `null` when that did not happen in time; it then still will. */
export async function awaitRequest(
  database: PeopleDatabase,
  id: number,
  patienceMs: number,
): Promise<Record<string, unknown> | null> {
  for (const end = Date.now() + patienceMs; ; ) {
    const row = await readRequest(database, id);
    if (row?.done_at != null) return JSON.parse(String(row.outcome ?? "{}")) as Record<string, unknown>;
    if (Date.now() >= end) return null;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** One request as the database has it. */
export async function readRequest(database: PeopleDatabase, id: number): Promise<Row | undefined> {
  const [row] = await database.query(
    `SELECT id, kind, user_id, by, at, tries, done_at, outcome FROM admin_request WHERE id = ${Math.trunc(id)};`,
  );
  return row;
}
