import { quoteText } from "../encoding/quote-text.ts";

/**
 * SQL for managing people, written out as text: `wrangler d1 execute` takes no bound values. Every value goes
 * through `quoteText`, and nothing else is ever put into a statement.
 */

/** A user to add. `passwordHash`, if any, is the output of better-auth's own hash function. */
export interface NewPerson {
  /** Opaque, without `:`. */
  id: string;
  accountId: string;
  email: string;
  name: string;
  role: string;
  /** `null` for a person who chooses their password with a link. */
  passwordHash: string | null;
  /** ISO 8601. */
  at: string;
}

/** Adds a person, with a password or without one yet. Fails when the address is taken. */
export function addPerson(person: NewPerson): string {
  const hash = person.passwordHash === null ? "NULL" : quoteText(person.passwordHash);
  const [id, accountId, email, name, role, at] = [
    person.id,
    person.accountId,
    person.email,
    person.name,
    person.role,
    person.at,
  ].map(quoteText);
  return [
    `INSERT INTO "user" ("id", "name", "email", "emailVerified", "createdAt", "updatedAt", "role", "disabled")`,
    `VALUES (${id}, ${name}, ${email}, 1, ${at}, ${at}, ${role}, 0);`,
    `INSERT INTO "account" ("id", "accountId", "providerId", "userId", "password", "createdAt", "updatedAt")`,
    `VALUES (${accountId}, ${id}, 'credential', ${id}, ${hash}, ${at}, ${at});`,
  ].join("\n");
}

/**
 * Changes the role of a user, by id or address. Calls lose rights within 30 seconds; apps gain them at their next refresh.
 *
 * @param onlyIf - a condition in SQL
 */
export function setRole(user: string, role: string, at: string, onlyIf = "1"): string {
  return `UPDATE "user" SET "role" = ${quoteText(role)}, "updatedAt" = ${quoteText(at)} WHERE "id" = ${idOfUser(user)} AND ${onlyIf};`;
}

/** Enables or disables a user, by id or address. Disabling ends their sessions. */
export function setDisabled(user: string, disabled: boolean, at: string): string {
  const update = `UPDATE "user" SET "disabled" = ${disabled ? 1 : 0}, "updatedAt" = ${quoteText(at)} WHERE "id" = ${idOfUser(user)};`;
  return disabled ? `${update}\n${endSessions(user)}` : update;
}

/** Replaces a user's password and ends their sessions. */
export function setPassword(email: string, passwordHash: string, at: string): string {
  return [
    `UPDATE "account" SET "password" = ${quoteText(passwordHash)}, "updatedAt" = ${quoteText(at)}`,
    `WHERE "providerId" = 'credential' AND "userId" = ${idOfUser(email)};`,
    endSessions(email),
  ].join("\n");
}

/**
 * Removes a user's second factor and passkeys, for a user who lost phone, codes and devices, ends their sessions, and records
 * it. By id or address.
 */
export function resetSecondFactor(user: string, at: string): string {
  const id = idOfUser(user);
  const changes = `json_object('change', 'second_factor_reset', 'oldRole', "role", 'newRole', "role")`;
  return [
    `INSERT INTO admin_request (kind, user_id, detail, by, at)`,
    `SELECT 'person_change', "id", ${changes}, 'database', unixepoch() * 1000 FROM "user" WHERE "id" = ${id};`,
    `DELETE FROM "twoFactor" WHERE "userId" = ${id};`,
    `DELETE FROM passkey WHERE user_id = ${id};`,
    `UPDATE "user" SET "twoFactorEnabled" = 0, "updatedAt" = ${quoteText(at)} WHERE "id" = ${id};`,
    endSessions(user),
  ].join("\n");
}

/** The name and the address that another system gives now. The address must not be another person's. */
export function moveToEmail(
  user: string,
  { email, name, at }: { email: string; name: string; at: string },
): string {
  return `UPDATE "user" SET "email" = ${quoteText(email)}, "name" = ${quoteText(name)}, "updatedAt" = ${quoteText(at)} WHERE "id" = ${quoteText(user)};`;
}

/** The user with this address, or none. */
export function findByEmail(email: string): string {
  return `SELECT "email", "name", "role", "disabled" FROM "user" WHERE "email" = ${quoteText(email)};`;
}

/** The users to list: with this part in their address, of this role, those who are disabled. */
export interface PeopleFilter {
  search: string;
  role?: string | undefined;
  isDisabled?: boolean;
}

/**
 * One page of users in the order of their addresses, one more than `limit` to tell whether there are others. Reads the
 * index of addresses from `after` on, until the page is full.
 */
export function listPeople(
  { search, role, isDisabled = false }: PeopleFilter,
  after: string,
  limit: number,
): string {
  const filter = [
    `"email" > ${quoteText(after)}`,
    `instr("email", ${quoteText(search)}) > 0`,
    ...(role === undefined ? [] : [`"role" = ${quoteText(role)}`]),
    ...(isDisabled ? [`"disabled" = 1`] : []),
  ].join(" AND ");
  return `SELECT "email", "name", "role", "disabled" FROM "user" WHERE ${filter} ORDER BY "email" LIMIT ${Math.trunc(limit) + 1};`;
}

/** The roles that users have. */
export const ROLES_OF_PEOPLE = `SELECT DISTINCT "role" FROM "user" ORDER BY "role";`;

/** Number of users. */
export const COUNT_PEOPLE = `SELECT count(*) AS total FROM "user";`;

/** Users per statement: D1 takes statements of up to 100 KB. */
const AT_ONCE = 100;

/** Adds people, all or none, and says who did it. Fails when an address is taken. */
export function addPeople(people: readonly NewPerson[], by: string): string {
  const chunks = Array.from({ length: Math.ceil(people.length / AT_ONCE) }, (_, index) =>
    people.slice(index * AT_ONCE, (index + 1) * AT_ONCE),
  );
  const rows = (chunk: readonly NewPerson[], row: (texts: readonly string[]) => string) =>
    chunk
      .map(({ id, accountId, email, name, role, at }) =>
        row([id, accountId, email, name, role, at].map(quoteText)),
      )
      .join(",\n");
  return chunks
    .flatMap((chunk) => [
      `INSERT INTO "user" ("id", "name", "email", "emailVerified", "createdAt", "updatedAt", "role", "disabled") VALUES`,
      `${rows(chunk, ([id, , email, name, role, at]) => `(${id}, ${name}, ${email}, 1, ${at}, ${at}, ${role}, 0)`)};`,
      `INSERT INTO "account" ("id", "accountId", "providerId", "userId", "password", "createdAt", "updatedAt") VALUES`,
      `${rows(chunk, ([id, accountId, , , , at]) => `(${accountId}, ${id}, 'credential', ${id}, NULL, ${at}, ${at})`)};`,
      // Without statistics SQLite would read every open request, for each chunk again.
      `UPDATE admin_request INDEXED BY admin_request_open_of SET by = ${quoteText(by)}`,
      `WHERE kind = 'person_change' AND by = 'database' AND done_at IS NULL`,
      `AND user_id IN (${chunk.map(({ id }) => quoteText(id)).join(", ")});`,
    ])
    .join("\n");
}

function endSessions(user: string): string {
  return `DELETE FROM "session" WHERE "userId" = ${idOfUser(user)};`;
}

/** SQL: the id of the person with this address, or of the person with this id. */
export function idOfUser(user: string): string {
  const text = quoteText(user);
  return `(SELECT "id" FROM "user" WHERE "email" = lower(${text}) OR "id" = ${text})`;
}

/**
 * SQL: says who made the change to a person that the database has noted a moment ago. Belongs into its transaction: the
 * newest note, and no older than seconds, so that the trail names no user for a change that was made by hand.
 *
 * @param mark - a UUID by which the Worker can be told of the change
 * @param onlyIf - the condition of the change, in SQL
 */
export function nameWhoChanged(user: string, by: string, mark: string | null = null, onlyIf = "1"): string {
  const newest = `SELECT max(id) FROM admin_request WHERE kind = 'person_change' AND user_id = ${idOfUser(user)}`;
  return `UPDATE admin_request SET by = ${quoteText(by)}, mark = ${mark === null ? "NULL" : quoteText(mark)} WHERE id = (${newest}) AND by = 'database' AND done_at IS NULL AND at >= (unixepoch() - 5) * 1000 AND ${onlyIf};`;
}
