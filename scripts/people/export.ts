import { StoredTrail } from "../../shared/audit/read-stored.ts";
import { ADMINISTRATION, type AuditRecord } from "../../shared/audit/record.ts";
import { quoteText } from "../../shared/encoding/quote-text.ts";
import { askFor } from "../../shared/people/admin-requests.ts";
import { idOfUser } from "../../shared/people/statements.ts";
import { CommandFailure } from "../local/failure.ts";
import { type TrailDatabase, trailOf } from "../platform/database.ts";
import { awaitRequest, createMark, findRequest, nameAsker, type Waiting } from "../platform/requests.ts";
import { PERSONAL_ROWS } from "./personal-rows.ts";

/** Records after which a person is told how many were read. */
const TOLD = 2_000;

/** A user's data as JSON (GDPR Article 15: the stored personal data, in a machine-readable form). */
export async function exportPerson(
  database: TrailDatabase,
  email: string,
  waiting: Waiting,
): Promise<Record<string, unknown>> {
  const mark = createMark();
  await database.change(askFor("data_export", email, nameAsker("people"), mark));
  const id = await findRequest(database, mark);
  const answer = id === undefined ? null : await awaitRequest(database, id, mark, waiting);
  if (answer === null) {
    throw new CommandFailure(
      "Gatehouse did not answer in time, so the data in its objects is missing.",
      "Gatehouse must be running. Then ask again.",
    );
  }
  const [account] = await database.query(
    `SELECT "id", "name", "email", "role", "disabled", "twoFactorEnabled", "createdAt", "updatedAt" FROM "user" WHERE "email" = ${quoteText(email)};`,
  );
  const user = idOfUser(email);
  const rows: Record<string, unknown> = {};
  for (const [name, query] of Object.entries(PERSONAL_ROWS)) rows[name] = await database.query(query(user));
  const userId = String(account?.id ?? "");
  const own = await readEvents(database, userId, () => true, waiting);
  const about = await readEvents(database, ADMINISTRATION, (event) => event?.userId === userId, waiting);
  // The result stays in the database until the command has read it.
  await database.change(`UPDATE admin_request SET outcome = NULL WHERE id = ${id};`);
  return {
    account,
    ...rows,
    ...answer,
    audit_trail: own,
    administration: about,
  };
}

/** The events of a chain, with place and time; `null` where one was removed. */
async function readEvents(
  database: TrailDatabase,
  chain: string,
  isWanted: (event: { userId?: string } | null) => boolean,
  { say }: Waiting,
): Promise<unknown[]> {
  const events: unknown[] = [];
  let read = 0;
  for await (const { sequence, body, event: text } of new StoredTrail(trailOf(database)).followChain(chain)) {
    const { at, type } = JSON.parse(body) as AuditRecord;
    const event = text === null ? null : (JSON.parse(text) as { userId?: string });
    if (isWanted(event)) events.push({ sequence, time: new Date(at).toISOString(), type, event });
    read += 1;
    if (read % TOLD === 0) say(`${read} records of the audit trail read …`);
  }
  return events;
}
