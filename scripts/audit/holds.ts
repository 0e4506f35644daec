import { quoteText } from "../../shared/encoding/quote-text.ts";
import { idOfUser } from "../../shared/people/statements.ts";
import { CommandFailure } from "../local/failure.ts";
import type { PlatformDatabase } from "../platform/database.ts";
import { nameAsker } from "../platform/requests.ts";

/** Subject of a hold: an address or a user id; `null` for all users. */
export type Held = string | null;

/** SQL: sets a hold and requests its audit record, in one transaction. It takes effect at once. */
export function setHold(user: Held, reason: string, by: string): string {
  return [
    `INSERT INTO legal_hold (user_id, reason, at) VALUES (${idSql(user)}, ${quoteText(reason)}, unixepoch() * 1000);`,
    noteHold(user, true, reason, by),
  ].join("\n");
}

/** SQL: lifts the holds of a user, or those of all users, and requests the audit record. */
export function releaseHold(user: Held, reason: string, by: string): string {
  return [
    `UPDATE legal_hold SET released_at = unixepoch() * 1000 WHERE released_at IS NULL AND user_id IS ${idSql(user)};`,
    noteHold(user, false, reason, by),
  ].join("\n");
}

/** SQL: active holds, oldest first, with the address of their subject. */
export function listHolds(): string {
  return `SELECT legal_hold.id, user_id, "email", reason, at FROM legal_hold LEFT JOIN "user" ON "user"."id" = user_id WHERE released_at IS NULL ORDER BY at LIMIT 1000;`;
}

/** Sets or lifts a hold. Throws for an unknown user, and for a release without a hold. */
export async function changeHold(
  database: PlatformDatabase,
  user: Held,
  reason: string,
  held: boolean,
): Promise<void> {
  if (user !== null) {
    const [found] = await database.query(`SELECT ${idOfUser(user)} AS id;`);
    if (found?.id == null)
      throw new CommandFailure(`${user} is no known person.`, "List the people: npm run people -- list");
  }
  if (!held) {
    const [row] = await database.query(
      `SELECT count(*) AS total FROM legal_hold WHERE released_at IS NULL AND user_id IS ${idSql(user)};`,
    );
    if (!row?.total)
      throw new CommandFailure("There is no such hold.", "See what is held: npm run audit -- holds");
  }
  const by = nameAsker("audit");
  await database.change(held ? setHold(user, reason, by) : releaseHold(user, reason, by));
}

function noteHold(user: Held, held: boolean, reason: string, by: string): string {
  const detail = quoteText(JSON.stringify({ held, reason }));
  return `INSERT INTO admin_request (kind, user_id, detail, by, at) VALUES ('hold', ${idSql(user)}, ${detail}, ${quoteText(by)}, unixepoch() * 1000);`;
}

function idSql(user: Held): string {
  return user === null ? "NULL" : idOfUser(user);
}
