import { quoteText } from "../encoding/quote-text.ts";
import { removeKeysOf } from "./keys.ts";
import { idOfUser } from "./statements.ts";

/**
 * Role of a person for whom no rule of single sign-on has one any more: no policy can have a role of this name, so it has
 * no rights, and their apps and keys are refused at the next call. The next sign-in that fits a rule gives a role again.
 */
export const NO_ROLE = "-";

/** Who a person is at another system. */
export interface ForeignIdentity {
  issuer: string;
  subject: string;
}

/** SQL: lets a person sign in with this identity. Fails when it is another person's, or when they have one. */
export function addIdentity(user: string, { issuer, subject }: ForeignIdentity, at: number): string {
  return [
    `INSERT INTO federated_identity (issuer, subject, user_id, created_at, last_at)`,
    `SELECT ${quoteText(issuer)}, ${quoteText(subject)}, ${idOfUser(user)}, ${at}, ${at};`,
  ].join("\n");
}

/**
 * SQL: ends every way in of an account's present holder, and notes it for the trail: identity, password and link for one,
 * second factor, passkeys, sessions and keys. The Worker ends connected apps and accounts when it carries out the change.
 * The next sign-in with the address, where it belongs, decides whose the account is.
 *
 * @param by - who did it, for the trail
 */
export function unlinkIdentities(user: string, by: string): string {
  const id = idOfUser(user);
  const change = `json_object('change', 'identity_removed', 'oldRole', "role", 'newRole', "role")`;
  return [
    `INSERT INTO admin_request (kind, user_id, detail, by, at)`,
    `SELECT 'person_change', "id", ${change}, 'database', unixepoch() * 1000 FROM "user" WHERE "id" = ${id};`,
    `UPDATE "account" SET "password" = NULL WHERE "providerId" = 'credential' AND "userId" = ${id};`,
    `DELETE FROM federated_identity WHERE user_id = ${id};`,
    `DELETE FROM password_link WHERE user_id = ${id};`,
    `DELETE FROM "twoFactor" WHERE "userId" = ${id};`,
    `UPDATE "user" SET "twoFactorEnabled" = 0 WHERE "id" = ${id};`,
    `DELETE FROM passkey WHERE user_id = ${id};`,
    `DELETE FROM fresh_factor WHERE user_id = ${id};`,
    `DELETE FROM "session" WHERE "userId" = ${id};`,
    removeKeysOf(user, by),
  ].join("\n");
}
