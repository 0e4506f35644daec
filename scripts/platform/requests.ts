import { randomUUID } from "node:crypto";
import os from "node:os";
import { quoteText } from "../../shared/encoding/quote-text.ts";
import { idOfUser } from "../../shared/people/statements.ts";
import type { PlatformDatabase, Row } from "./database.ts";
import type { Told } from "./notify-worker.ts";

/** Milliseconds between two looks at a request. */
const LOOK_EVERY_MS = 2_000;

/** How a command waits for a request to be carried out. */
export interface Waiting {
  /** Tells the Worker of a request by its mark; it has then carried it out. */
  tell(mark: string): Promise<Told>;
  patienceMs: number;
  /** How the person in front learns what is being waited for. */
  say(text: string): void;
}

/** What a command writes down as the one who asks: the command, and who ran it on their machine. */
export function nameAsker(command: string): string {
  return `npm run ${command} (${os.userInfo().username.replace(/\p{Cc}/gu, "")})`.slice(0, 200);
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
  return `INSERT INTO admin_request (kind, user_id, detail, by, at, mark) SELECT ${quoteText(kind)}, ${id}, ${quoteText(mark)}, ${quoteText(by)}, unixepoch() * 1000, ${quoteText(mark)} ->> '$.asked' WHERE NOT (${unless});`;
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

/**
 * Waits until a request was carried out. The Worker is told of it, and then does it at once; one that cannot be told does
 * it with its next run. `null` when that did not happen in time; it then still will.
 *
 * @param mark - of the request, see {@link createMark}
 */
export async function awaitRequest(
  database: PlatformDatabase,
  id: number,
  mark: string,
  { tell, patienceMs, say }: Waiting,
): Promise<Record<string, unknown> | null> {
  const start = Date.now();
  const { asked } = JSON.parse(mark) as { asked: string };
  say(`Request ${id}: Gatehouse is asked to carry it out …`);
  const told = await tell(asked);
  if (told === "not_running") {
    say("No Gatehouse runs on this storage. Start it with npm start: it then carries the request out.");
    return null;
  }
  for (;;) {
    const row = await readRequest(database, id);
    if (row?.done_at != null) return JSON.parse(String(row.outcome ?? "{}")) as Record<string, unknown>;
    const waited = Date.now() - start;
    if (waited >= patienceMs) return null;
    say(
      `Request ${id}: waiting since ${Math.round(waited / 1000)} s for its next run, which comes within five minutes …`,
    );
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
