import { randomUUID } from "node:crypto";
import os from "node:os";
import { quoteText } from "../../shared/encoding/quote-text.ts";
import { idOfUser } from "../../shared/people/statements.ts";
import type { PlatformDatabase, Row } from "./database.ts";
import type { Told } from "./notify-worker.ts";

/** Milliseconds between two reads of a request. */
const LOOK_EVERY_MS = 2_000;

/** How a command waits for a request. */
export interface Waiting {
  /** Notifies the Worker of a request by its mark; the Worker processes it before it answers. */
  tell(mark: string): Promise<Told>;
  patienceMs: number;
  /** Tells the user what the command waits for. */
  say(text: string): void;
}

/** Name of the requester: the command, and the user of this machine. */
export function nameAsker(command: string): string {
  return `npm run ${command} (${os.userInfo().username.replace(/\p{Cc}/gu, "")})`.slice(0, 200);
}

/** Marks a request, so that its sender finds it again, done or not. */
export function createMark(): string {
  return JSON.stringify({ asked: randomUUID() });
}

/** SQL: whether any hold applies to this user. */
export function heldSql(user: string): string {
  return `EXISTS (SELECT 1 FROM legal_hold WHERE released_at IS NULL AND (user_id IS NULL OR user_id = ${idOfUser(user)}))`;
}

/** The request with this mark; `undefined` if there is none. */
export async function findRequest(database: PlatformDatabase, mark: string): Promise<number | undefined> {
  const [row] = await database.query(`SELECT id FROM admin_request WHERE detail = ${quoteText(mark)};`);
  return row?.id == null ? undefined : Number(row.id);
}

/**
 * Waits until the Worker has processed a request. Notifies the Worker, which processes it at once; a Worker that
 * cannot be notified processes it with its next run. Returns `null` at the time-out; the request stays pending.
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
