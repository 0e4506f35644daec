import { quoteText } from "../encoding/quote-text.ts";
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

/** SQL: ends a person's identities at other systems, and their sessions. */
function removeIdentities(user: string): string {
  return [
    `DELETE FROM federated_identity WHERE user_id = ${idOfUser(user)};`,
    `DELETE FROM "session" WHERE "userId" = ${idOfUser(user)};`,
  ].join("\n");
}

/** SQL: removes what a person signed in with before a provider vouched for them; their sessions end. */
export function leavePassword(user: string): string {
  return [
    `UPDATE "account" SET "password" = NULL WHERE "providerId" = 'credential' AND "userId" = ${idOfUser(user)};`,
    removeIdentities(user),
  ].join("\n");
}

/** SQL: as {@link removeIdentities}, and notes it for the trail: the next sign-in with the address decides whose it is. */
export function unlinkIdentities(user: string): string {
  const change = `json_object('change', 'identity_removed', 'oldRole', "role", 'newRole', "role")`;
  return [
    `INSERT INTO admin_request (kind, user_id, detail, by, at)`,
    `SELECT 'person_change', "id", ${change}, 'database', unixepoch() * 1000 FROM "user" WHERE "id" = ${idOfUser(user)};`,
    removeIdentities(user),
  ].join("\n");
}
