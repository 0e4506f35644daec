import { nameWhoChanged, setDisabled, setRole } from "./statements.ts";

/** The platform database, as a command or the Worker reaches it. */
export interface PeopleDatabase {
  /** Changes data: all statements of a SQL text in one transaction. */
  change(sql: string): Promise<void>;
}

/**
 * Changes a person, and says in the same transaction who did it, for the audit trail. Returns the change's mark, a UUID
 * by which the Worker carries it out at once; without that it does so within five minutes.
 *
 * @param user - id or e-mail address; the Worker names people by id, because an address may move meanwhile
 * @param sql - the change, as `statements.ts` writes it
 * @param by - who did it: the command and its user, or the page and the id of its person
 */
export async function changePerson(
  database: PeopleDatabase,
  user: string,
  sql: string,
  by: string,
): Promise<string> {
  const mark = crypto.randomUUID();
  await database.change(`${sql}\n${nameWhoChanged(user, by, mark)}`);
  return mark;
}

/** Gives a person another role. Returns the change's mark. */
export function giveRole(database: PeopleDatabase, user: string, role: string, by: string): Promise<string> {
  return changePerson(database, user, setRole(user, role, new Date().toISOString()), by);
}

/** Keeps a person out, or lets them in again. Returns the change's mark. */
export function setAccess(
  database: PeopleDatabase,
  user: string,
  disabled: boolean,
  by: string,
): Promise<string> {
  return changePerson(database, user, setDisabled(user, disabled, new Date().toISOString()), by);
}
