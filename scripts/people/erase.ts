import { askFor } from "../../shared/people/admin-requests.ts";
import { idOfUser, nameWhoChanged } from "../../shared/people/statements.ts";
import { CommandFailure } from "../local/failure.ts";
import type { PlatformDatabase } from "../platform/database.ts";
import {
  awaitRequest,
  createMark,
  findRequest,
  heldSql,
  nameAsker,
  type Waiting,
} from "../platform/requests.ts";

/** SQL: counts a user's rows in the platform database, and whether a hold applies. */
function countPerson(email: string): string {
  const id = idOfUser(email);
  return [
    `SELECT ${id} AS id,`,
    `(SELECT count(*) FROM "session" WHERE "userId" = ${id}) AS sessions,`,
    `(SELECT count(*) FROM "account" WHERE "userId" = ${id}) AS credentials,`,
    `(SELECT count(*) FROM audit_record WHERE chain = ${id} AND event IS NOT NULL)`,
    `+ (SELECT ifnull(sum(span.last - span.first + 1), 0) FROM audit_part AS part`,
    `CROSS JOIN audit_span AS span ON span.part = part.id`,
    `WHERE part.chain = ${id} AND part.secret IS NOT NULL) AS events,`,
    `${heldSql(email)} AS held;`,
  ].join("\n");
}

/** SQL: disables a user and requests their erasure, in one transaction; does nothing under a hold. */
export function askForErasure(email: string, by: string, mark: string): string {
  const free = `NOT ${heldSql(email)}`;
  return [
    `UPDATE "user" SET "disabled" = 1 WHERE "id" = ${idOfUser(email)} AND ${free};`,
    `DELETE FROM "session" WHERE "userId" = ${idOfUser(email)} AND ${free};`,
    nameWhoChanged(email, by),
    askFor("erasure", email, by, mark, heldSql(email)),
  ].join("\n");
}

/** Erases a user, or only prints what would be erased. */
export async function erase(
  database: PlatformDatabase,
  email: string,
  options: { yes: boolean; waiting: Waiting },
): Promise<void> {
  const [found] = await database.query(countPerson(email));
  if (found?.held) throw underHold(email);
  console.log(`To be erased for ${email} (${found?.id}):
  the account, with ${found?.sessions} sign-in sessions and ${found?.credentials} credentials
  every connected app with its tokens, session memory and kept results (counted after the erasure)
  ${found?.events} events of the audit trail: actions, places, apps and arguments
To be kept: the opaque user id; position, type and time of the records of the newest day and of those between others;
actions of administrators; and names on business records, such as CRM activities that they wrote.`);
  if (!options.yes) {
    console.log("\nNothing was removed. To erase: the same command with --yes");
    return;
  }
  const mark = createMark();
  await database.change(askForErasure(email, nameAsker("people"), mark));
  const id = await findRequest(database, mark);
  if (id === undefined) throw underHold(email);
  console.log(`\nThe person can no longer sign in.`);
  const outcome = await awaitRequest(database, id, mark, options.waiting);
  if (outcome === null) {
    console.log(`Pending: Gatehouse must be running. Check the result: npm run people -- request --id ${id}`);
    return;
  }
  if (outcome.erased !== true) throw new CommandFailure(String(outcome.why), "See: npm run audit -- holds");
  console.log("Erased:");
  for (const [what, count] of Object.entries(outcome.removed ?? {})) {
    console.log(`  ${String(count).padStart(6)} ${what.replaceAll("_", " ")}`);
  }
}

function underHold(email: string): CommandFailure {
  return new CommandFailure(
    `${email} is under legal hold: nothing was removed.`,
    "See why: npm run audit -- holds",
  );
}
