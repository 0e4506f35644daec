import { createSecret } from "../../../shared/auth/access-key.ts";
import type { PublicKey } from "../../../shared/auth/public-key.ts";
import { splitStatements } from "../../../shared/encoding/split-statements.ts";
import { publishRights } from "../../../shared/objects/change-gate.ts";
import { principalGate } from "../../../shared/objects/principal-gate.ts";
import type { KeyRequest, Proof } from "../../../shared/people/key-request.ts";
import {
  addKey,
  type KeyRow,
  listSecrets,
  removeKey,
  rotateKey,
  SELECT_KEYS,
} from "../../../shared/people/keys.ts";

/** Keys on one page of the list. */
const PAGE_SIZE = 50;
/** Most keys of one person, ended ones included until they are removed. */
export const MOST_KEYS = 500;
/** Milliseconds that an ended key stays in the list, so that its owner sees why an agent is refused. */
const KEPT_MS = 30 * 24 * 60 * 60_000;

/** A key as its owner sees it, or a member of the team that owns it. */
export interface OwnKey {
  id: string;
  /** Id of the person or team that it calls as. */
  owner: string;
  /** Name of the team; `null` for a person's own key. */
  team: string | null;
  name: string;
  proof: Proof;
  /** First characters of its newest secret. */
  hint: string;
  scopes: string[];
  /** Paths of MCP URLs. */
  resources: string[];
  tools: string[];
  networks: string[];
  certificates: string[];
  days: number;
  since: Date;
  /** When its newest secret ends, or ended. */
  ends: Date;
  /** Until when an earlier secret works as well; `null` without one. */
  overlapEnds: Date | null;
  /** Its last recorded call, or `null`. */
  lastUsed: Date | null;
  by: string;
}

/** SQL: whether a key is of the person ?1, or of a team whose member they are. */
const IS_OWN = "owner IN (SELECT ?1 UNION ALL SELECT team_id FROM team_holder WHERE user_id = ?1)";

const PAGE = `${SELECT_KEYS} WHERE ${IS_OWN} AND (created_at, access_key.id) <
  (ifnull((SELECT created_at FROM access_key WHERE id = ?2 AND ${IS_OWN}), 9e15), ifnull(nullif(?2, ''), '~'))
  ORDER BY created_at DESC, access_key.id DESC LIMIT ${PAGE_SIZE + 1}`;

/**
 * One page of the keys of a person and of their teams, newest first; `next` is the id to go on after, or `null` at the end.
 *
 * @param after - id of the last key of the page before; empty for the first page
 */
export async function listOwnKeys(
  database: D1Database,
  person: string,
  after: string,
): Promise<{ keys: OwnKey[]; next: string | null }> {
  const { results } = await database.prepare(PAGE).bind(person, after).all<KeyRow>();
  const keys = results.slice(0, PAGE_SIZE).map(toOwnKey);
  return { keys, next: results.length > PAGE_SIZE ? (keys.at(-1)?.id ?? null) : null };
}

/** Number of keys of a person or team. */
export async function countOwnKeys(database: D1Database, owner: string): Promise<number> {
  const row = await database
    .prepare("SELECT count(*) AS total FROM access_key WHERE owner = ?")
    .bind(owner)
    .first<{ total: number }>();
  return row?.total ?? 0;
}

/** A key of this person or of a team of theirs; `null` for any other id, also for that of another person's key. */
export async function findOwnKey(database: D1Database, person: string, id: string): Promise<OwnKey | null> {
  const row = await database
    .prepare(`${SELECT_KEYS} WHERE access_key.id = ?2 AND ${IS_OWN}`)
    .bind(person, id)
    .first<KeyRow>();
  return row && toOwnKey(row);
}

/** The name of a person's or team's key; `null` when it is gone. */
export async function findKeyName(database: D1Database, owner: string, id: string): Promise<string | null> {
  const row = await database
    .prepare("SELECT name FROM access_key WHERE id = ? AND owner = ?")
    .bind(id, owner)
    .first<{ name: string }>();
  return row?.name ?? null;
}

/** Who makes or rotates a key, and behind what. */
interface Maker {
  /** Id of the person who does it. */
  by: string;
  mfaAt: number | null;
  /** The account's public key, where its proof is one. */
  publicKey: PublicKey | undefined;
}

/**
 * Makes a key. Returns its text, which is shown once where it is the account's proof; `null` when there is a key with this
 * id already.
 */
export async function createOwnKey(
  env: Env,
  request: KeyRequest,
  { id, owner, by: person, mfaAt, publicKey }: Maker & { id: string; owner: string },
): Promise<string | null> {
  const { text, ...secret } = createSecret();
  const by = `/account/keys (${person})`;
  const made = { ...secret, mfaAt, publicKey, madeBy: person };
  const sql = addKey({ ...request, id, owner, secret: made, at: Date.now(), by });
  try {
    await change(env.PLATFORM_DB, sql);
  } catch (failure) {
    if (String(failure).includes("UNIQUE constraint failed: access_key.id")) return null;
    throw failure;
  }
  return text;
}

/**
 * Gives a key another secret, public key or term. Returns the text of the secret.
 *
 * @param overlapMs - how long earlier secrets still work; 0 ends them at the next call
 */
export async function rotateOwnKey(
  env: Env,
  { id, owner }: OwnKey,
  { by, mfaAt, publicKey, overlapMs }: Maker & { overlapMs: number },
): Promise<string> {
  const at = Date.now();
  const { text, ...secret } = createSecret();
  const { results } = await env.PLATFORM_DB.prepare(listSecrets(id, at)).all<{ digest: string }>();
  const made = { ...secret, mfaAt, publicKey, madeBy: by };
  await change(env.PLATFORM_DB, rotateKey(id, made, overlapMs, at));
  if (overlapMs === 0) {
    await endSecrets(
      env,
      owner,
      results.map(({ digest }) => digest),
    );
    await publishRights(env, { userId: owner });
  }
  return text;
}

/** Ends a key, for its next call in any session, stream or task. */
export async function revokeOwnKey(env: Env, { owner, id }: Pick<OwnKey, "owner" | "id">): Promise<void> {
  // The Principal object is told first: it refuses calls of open sessions, whatever isolates remember.
  await principalGate(env, owner).revokeGrant(id);
  await publishRights(env, { userId: owner });
  await change(env.PLATFORM_DB, removeKey(id));
}

/** Ends single secrets, for their next call. The caller announces it to open streams with `publishRights`. */
export async function endSecrets(env: Env, owner: string, digests: readonly string[]): Promise<void> {
  const principal = principalGate(env, owner);
  for (const digest of digests) await principal.revokeToken(digest);
}

/** Deletes secrets that ended, and keys whose last secret ended 30 days ago; at most `limit` of each. */
export async function removeEndedKeys(database: D1Database, now: number, limit: number): Promise<number> {
  const [secrets, keys] = await database.batch([
    database
      .prepare(
        `DELETE FROM access_key_secret WHERE digest IN (
           SELECT digest FROM access_key_secret WHERE ends_at < ? ORDER BY ends_at LIMIT ?)`,
      )
      .bind(now - KEPT_MS, limit),
    database
      .prepare(
        `DELETE FROM access_key WHERE id IN (
           SELECT id FROM access_key
            WHERE NOT EXISTS (SELECT 1 FROM access_key_secret WHERE key_id = access_key.id) LIMIT ?)`,
      )
      .bind(limit),
  ]);
  return (secrets?.meta.changes ?? 0) + (keys?.meta.changes ?? 0);
}

async function change(database: D1Database, sql: string): Promise<void> {
  await database.batch(splitStatements(sql).map((statement) => database.prepare(statement)));
}

function toOwnKey(row: KeyRow): OwnKey {
  const list = (text: string) => JSON.parse(text) as string[];
  const { overlap_ends_at: overlap } = row;
  return {
    id: row.id,
    owner: row.owner,
    team: row.team,
    name: row.name,
    proof: row.proof,
    hint: row.hint,
    scopes: list(row.scopes),
    resources: list(row.resources),
    tools: list(row.tools),
    networks: list(row.networks),
    certificates: list(row.certificates),
    days: row.days,
    since: new Date(row.created_at),
    ends: new Date(row.ends_at),
    overlapEnds: overlap !== null && overlap > Date.now() ? new Date(overlap) : null,
    lastUsed: row.last_used_at === null ? null : new Date(row.last_used_at),
    by: row.by,
  };
}
