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

/** Changes a user's role. Calls lose rights within 30 seconds; apps gain them at their next refresh. */
export function setRole(email: string, role: string, at: string): string {
  return `UPDATE "user" SET "role" = ${quoteText(role)}, "updatedAt" = ${quoteText(at)} WHERE "email" = ${quoteText(email)};`;
}

/** Enables or disables a user. Disabling ends their sessions. */
export function setDisabled(email: string, disabled: boolean, at: string): string {
  const update = `UPDATE "user" SET "disabled" = ${disabled ? 1 : 0}, "updatedAt" = ${quoteText(at)} WHERE "email" = ${quoteText(email)};`;
  return disabled ? `${update}\n${endSessions(email)}` : update;
}

/** Replaces a user's password and ends their sessions. */
export function setPassword(email: string, passwordHash: string, at: string): string {
  return [
    `UPDATE "account" SET "password" = ${quoteText(passwordHash)}, "updatedAt" = ${quoteText(at)}`,
    `WHERE "providerId" = 'credential' AND "userId" = ${idOf(email)};`,
    endSessions(email),
  ].join("\n");
}

/**
 * Removes a user's second factor, for a user who lost phone and codes, ends their sessions, and records it.
 */
export function resetSecondFactor(email: string, at: string): string {
  const changes = `json_object('change', 'second_factor_reset', 'oldRole', "role", 'newRole', "role")`;
  return [
    `INSERT INTO admin_request (kind, user_id, detail, by, at)`,
    `SELECT 'person_change', "id", ${changes}, 'database', unixepoch() * 1000 FROM "user" WHERE "email" = ${quoteText(email)};`,
    `DELETE FROM "twoFactor" WHERE "userId" = ${idOf(email)};`,
    `UPDATE "user" SET "twoFactorEnabled" = 0, "updatedAt" = ${quoteText(at)} WHERE "email" = ${quoteText(email)};`,
    endSessions(email),
  ].join("\n");
}

/** All users, or the one with this address; at most 1,000 rows. */
export function listPeople(email?: string): string {
  const filter = email === undefined ? "" : ` WHERE "email" = ${quoteText(email)}`;
  return `SELECT "email", "name", "role", "disabled" FROM "user"${filter} ORDER BY "email" LIMIT 1000;`;
}

function endSessions(email: string): string {
  return `DELETE FROM "session" WHERE "userId" = ${idOf(email)};`;
}

function idOf(email: string): string {
  return `(SELECT "id" FROM "user" WHERE "email" = ${quoteText(email)})`;
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
 */
export function nameWhoChanged(email: string, by: string, mark: string | null = null): string {
  const newest = `SELECT max(id) FROM admin_request WHERE kind = 'person_change' AND user_id = ${idOfUser(email)}`;
  return `UPDATE admin_request SET by = ${quoteText(by)}, mark = ${mark === null ? "NULL" : quoteText(mark)} WHERE id = (${newest}) AND by = 'database' AND done_at IS NULL AND at >= (unixepoch() - 5) * 1000;`;
}
