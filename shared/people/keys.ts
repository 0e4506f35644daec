import type { NewSecret } from "../auth/access-key.ts";
import type { PublicKey } from "../auth/public-key.ts";
import { quoteText } from "../encoding/quote-text.ts";
import type { KeyRequest, Proof } from "./key-request.ts";
import { idOfUser } from "./statements.ts";

const DAY_MS = 24 * 60 * 60_000;

/**
 * A credential as the database gets it: never the text of a secret. The digest names it; where there is no secret, it is
 * that of a random text which is not kept.
 */
type StoredSecret = Omit<NewSecret, "text"> & {
  /** Time of the second factor behind which it is made, in milliseconds since the epoch, or `null`. */
  mfaAt: number | null;
  /** The key that verifies the account's signatures; absent where its proof is another. */
  publicKey?: PublicKey | undefined;
  /** Id of the person who makes it on a page; absent for a command. */
  madeBy?: string;
};

/** A key to add. */
export interface NewKey extends KeyRequest {
  id: string;
  /** Id or e-mail address of the person whom it belongs to. */
  owner: string;
  secret: StoredSecret;
  /** Milliseconds since the epoch. */
  at: number;
  /** The page or command, and who used it. */
  by: string;
}

/** SQL: adds a key with its first secret. */
export function addKey(key: NewKey): string {
  const lists = [key.scopes, key.resources, key.tools, key.networks, key.certificates].map((list) =>
    JSON.stringify(list),
  );
  const texts = [key.name, ...lists].map(quoteText).join(", ");
  return [
    `INSERT INTO access_key (id, owner, name, scopes, resources, tools, networks, certificates, days, created_at, by, proof)`,
    `VALUES (${quoteText(key.id)}, ${idOfUser(key.owner)}, ${texts}, ${key.days}, ${key.at}, ${quoteText(key.by)}, ${quoteText(key.proof)});`,
    addSecret(key.id, key.secret, key.at),
  ].join("\n");
}

/** SQL: gives a key another secret, which lives as long as the first did. Earlier ones end after the overlap. */
export function rotateKey(id: string, secret: StoredSecret, overlapMs: number, at: number): string {
  return [
    `UPDATE access_key_secret SET ends_at = min(ends_at, ${at + overlapMs})`,
    `WHERE key_id = ${quoteText(id)} AND ends_at > ${at};`,
    addSecret(id, secret, at),
  ].join("\n");
}

/** SQL: removes a key. It is refused from then on; the trail keeps its id. */
export function removeKey(id: string): string {
  return [
    `DELETE FROM access_key_secret WHERE key_id = ${quoteText(id)};`,
    `DELETE FROM access_key WHERE id = ${quoteText(id)};`,
  ].join("\n");
}

/** What happened to a key. */
export interface KeyChange {
  change: "created" | "rotated" | "revoked";
  keyId: string;
  /** Digests of secrets that end at once. */
  ended: readonly string[];
}

/** SQL: asks the Worker to act on a change of a key, and to record it. Stands before a removal, in its transaction. */
export function announceKeyChange(change: KeyChange, by: string, mark: string): string {
  const texts = [JSON.stringify(change), by].map(quoteText).join(", ");
  return [
    `INSERT INTO admin_request (kind, user_id, detail, by, at, mark)`,
    `SELECT 'key_change', owner, ${texts}, unixepoch() * 1000, ${quoteText(mark)} FROM access_key WHERE id = ${quoteText(change.keyId)};`,
  ].join("\n");
}

/** SQL: removes every key of a person, and asks the Worker to end each and to record it. */
export function removeKeysOf(owner: string, by: string): string {
  const digests = `(SELECT json_group_array(digest) FROM access_key_secret WHERE key_id = access_key.id)`;
  const change = `json_object('change', 'revoked', 'keyId', id, 'ended', json(${digests}))`;
  const keys = `FROM access_key WHERE owner = ${idOfUser(owner)}`;
  return [
    `INSERT INTO admin_request (kind, user_id, detail, by, at)`,
    `SELECT 'key_change', owner, ${change}, ${quoteText(by)}, unixepoch() * 1000 ${keys};`,
    `DELETE FROM access_key_secret WHERE key_id IN (SELECT id ${keys});`,
    `DELETE ${keys};`,
  ].join("\n");
}

/** SQL: keys of one person, or of all, newest first; with their newest secret and last recorded call. */
export function listKeys(owner: string | undefined, limit: number): string {
  const which = owner === undefined ? "1" : `owner = ${idOfUser(owner)}`;
  return `${SELECT_KEYS} WHERE ${which} ORDER BY created_at DESC, id DESC LIMIT ${limit};`;
}

/** SQL: one key, as {@link listKeys} lists it. */
export function findKey(id: string): string {
  return `${SELECT_KEYS} WHERE access_key.id = ${quoteText(id)};`;
}

/** SQL: digests of the secrets of a key that have not ended. */
export function listSecrets(id: string, at: number): string {
  return `SELECT digest FROM access_key_secret WHERE key_id = ${quoteText(id)} AND ends_at > ${at};`;
}

/** A key as `SELECT_KEYS` reads it, with JSON lists as text. */
export interface KeyRow {
  id: string;
  owner: string;
  /** Name of the team that owns it, or `null`. */
  team: string | null;
  name: string;
  proof: Proof;
  hint: string;
  scopes: string;
  resources: string;
  tools: string;
  networks: string;
  certificates: string;
  days: number;
  created_at: number;
  ends_at: number;
  overlap_ends_at: number | null;
  last_used_at: number | null;
  by: string;
}

/** SQL without a condition: what pages and commands show of a key. */
export const SELECT_KEYS = `
  SELECT access_key.id, owner, name, scopes, resources, tools, networks, certificates, days, created_at, by, proof,
         (SELECT hint FROM access_key_secret WHERE key_id = access_key.id ORDER BY created_at DESC LIMIT 1) AS hint,
         (SELECT max(ends_at) FROM access_key_secret WHERE key_id = access_key.id) AS ends_at,
         (SELECT max(created_at) FROM access_key_secret WHERE key_id = access_key.id) AS rotated_at,
         (SELECT max(ends_at) FROM access_key_secret WHERE key_id = access_key.id AND created_at <
           (SELECT max(created_at) FROM access_key_secret WHERE key_id = access_key.id)) AS overlap_ends_at,
         (SELECT "name" FROM team JOIN "user" ON "user"."id" = team.id WHERE team.id = owner) AS team,
         (SELECT at FROM audit_last_use WHERE chain = owner AND client_id = access_key.id) AS last_used_at
    FROM access_key`;

/** The newest secret's lifetime comes from its key. Adds nothing for a key that is gone. */
function addSecret(id: string, { digest, hint, mfaAt, publicKey, madeBy }: StoredSecret, at: number): string {
  const verifier = publicKey === undefined ? "NULL" : quoteText(JSON.stringify(publicKey));
  return [
    `INSERT INTO access_key_secret (digest, key_id, hint, mfa_at, created_at, ends_at, public_key, made_by)`,
    `SELECT ${quoteText(digest)}, id, ${quoteText(hint)}, ${mfaAt === null ? "NULL" : Math.trunc(mfaAt)}, ${at}, ${at} + days * ${DAY_MS}, ${verifier}, ${madeBy === undefined ? "NULL" : quoteText(madeBy)}`,
    `FROM access_key WHERE id = ${quoteText(id)};`,
  ].join("\n");
}
