import { randomUUID } from "node:crypto";
import os from "node:os";
import type { PlatformDatabase, Row } from "./database.ts";
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

/**
 * SQL: says who made the change to a person that the database has noted a moment ago. Belongs into its transaction: the
 * newest note, and no older than seconds, so that nobody is named for what somebody else did by hand.
 *
 * @param mark - a UUID by which the Worker can be told of the change
 */
export function nameWhoChanged(email: string, by: string, mark: string | null = null): string {
  const newest = `SELECT max(id) FROM admin_request WHERE kind = 'person_change' AND user_id = ${idOfUser(email)}`;
  return `UPDATE admin_request SET by = ${quoteText(by)}, mark = ${mark === null ? "NULL" : quoteText(mark)} WHERE id = (${newest}) AND by = 'database' AND done_at IS NULL AND at >= (unixepoch() - 5) * 1000;`;
}

/** Marks a request, so that whoever asked finds it again, done or not. */
export function createMark(): string {
  return JSON.stringify({ asked: randomUUID() });
}

/** SQL: asks the Worker for something about a person, or about nobody (`null`). `unless` is a condition in SQL. */
export function askFor(
  kind: "data_export" | "erasure" | "redrive",
  user: string | null,
  by: string,
  mark: string,
  unless = "0",
): string {
  const id = user === null ? "NULL" : idOfUser(user);
  return `INSERT INTO admin_request (kind, user_id, detail, by, at) SELECT ${quoteText(kind)}, ${id}, ${quoteText(mark)}, ${quoteText(by)}, unixepoch() * 1000 WHERE NOT (${unless});`;
}

/** SQL: whether anything holds this person. */
export function heldSql(user: string): string {
  return `EXISTS (SELECT 1 FROM legal_hold WHERE released_at IS NULL AND (user_id IS NULL OR user_id = ${idOfUser(user)}))`;
}

/** The request with this mark; `undefined` when it was not made. */
export async function findRequest(database: PlatformDatabase, mark: string): Promise<number | undefined> {
  const [row] = await database.query(`SELECT id FROM admin_request WHERE detail = ${quoteText(mark)};`);
  return row?.id == null ? undefined : Number(row.id);
}

/** Waits until a request was carried out. `null` when that did not happen in time; it then still will. */
export async function awaitRequest(
  database: PlatformDatabase,
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
export async function readRequest(database: PlatformDatabase, id: number): Promise<Row | undefined> {
  const [row] = await database.query(
    `SELECT id, kind, user_id, by, at, tries, done_at, outcome FROM admin_request WHERE id = ${Math.trunc(id)};`,
  );
  return row;
}
