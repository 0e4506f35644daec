import { OAuthError, type ValidatedAccessToken } from "@cloudflare/workers-oauth-provider";
import { isWellFormedKey, looksLikeKey } from "../../../shared/auth/access-key.ts";
import { openKeyring } from "../../../shared/auth/keyring.ts";
import { looksLikeServiceToken, openServiceToken } from "../../../shared/auth/service-token.ts";
import { digestText } from "../../../shared/encoding/canonical-json.ts";
import { isHeld } from "../../../shared/people/teams.ts";
import type { Policy } from "../../../shared/policy/compile.ts";
import { policyInForce, roleMayHold } from "../../../shared/policy/current.ts";
import { TokenMemory } from "../grants/token-memory.ts";
import type { GrantProps } from "../oauth/grant.ts";
import type { Resource } from "../oauth/resources.ts";

const SELECT_ACCOUNT = `
  SELECT access_key.id, scopes, resources, tools, networks, certificates, proof, secret.mfa_at AS mfaAt,
         secret.digest AS credential, secret.public_key AS publicKey, secret.ends_at AS secretEndsAt,
         (SELECT max(ends_at) FROM access_key_secret WHERE key_id = access_key.id) AS endsAt,
         owner AS userId, person."email", person."name", person."role"
    FROM access_key_secret AS secret
    JOIN access_key ON access_key.id = secret.key_id
    JOIN "user" AS person ON person."id" = owner AND person."disabled" = 0
     AND ${isHeld("owner")}`;

/** One read finds the key, all of its limits and its owner. Writes nothing: the last use comes from the trail. */
export const FIND_KEY = `${SELECT_ACCOUNT} WHERE digest = ?1 AND secret.ends_at > ?2`;

/** Most credentials of one account that count: more than one only while rotations overlap. */
export const MOST_CREDENTIALS = 4;

/** Credentials of one account that have not ended, newest first. More than one while a rotation overlaps. */
const FIND_ACCOUNT = `${SELECT_ACCOUNT} WHERE key_id = ?1 AND secret.ends_at > ?2
  ORDER BY secret.created_at DESC LIMIT ${MOST_CREDENTIALS}`;

/** A service account with one of its credentials, and its owner. */
export interface FoundKey extends Omit<GrantProps, "key"> {
  id: string;
  proof: string;
  /** Digest that names the credential. */
  credential: string;
  /** JSON Web Key, or `null`. */
  publicKey: string | null;
  /** JSON lists. */
  scopes: string;
  resources: string;
  tools: string;
  networks: string;
  certificates: string;
  secretEndsAt: number;
  endsAt: number;
}

const remembered = new TokenMemory();

/** Whether a bearer token claims to be a key, or an access token of a service account. */
export function isOfServiceAccount(token: string): boolean {
  return looksLikeKey(token) || looksLikeServiceToken(token);
}

/**
 * Validates an API key, or an access token of a service account, as bearer token for one MCP URL; `null` if it is
 * unknown, revoked or ended, or if its owner's account is not active: a person who is kept out, or a team without a member. Looked up once a minute per isolate, as access
 * tokens are: every request asks the owner's Principal object whether account, credential and owner are still valid.
 * Throws `OAuthError`: 403 for a key of other URLs, 503 while the database is away.
 */
export async function validateKey(
  env: Env,
  resource: Resource,
  token: string,
): Promise<ValidatedAccessToken<GrantProps> | null> {
  const now = Date.now();
  const known = remembered.find<GrantProps>(resource.url, token, now);
  if (known !== null) return known;
  const bearer = await readBearer(env, resource, token, now);
  if (bearer === null) return null;
  const key = await findByDigest(env.PLATFORM_DB, bearer.credential, now);
  if (key === null) return null;
  if (!isFor(key, resource)) throw forOtherUrls(env.PUBLIC_URL, key);
  const { id, userId, email, name, role, mfaAt, endsAt, credential } = key;
  const scope = scopesOf(key, resource, await policyInForce(env));
  const [tools = [], networks = [], certificates = []] = [key.tools, key.networks, key.certificates].map(
    (list) => JSON.parse(list) as string[],
  );
  const validated: ValidatedAccessToken<GrantProps> = {
    props: {
      userId,
      email,
      name,
      role,
      mfaAt,
      key: { id, tools, networks, certificates, endsAt, credential },
    },
    audience: resource.url,
    expiresAt: Math.floor(Math.min(key.secretEndsAt, bearer.until) / 1000),
    scope: scope.filter((one) => bearer.scopes === null || bearer.scopes.includes(one)),
    userId,
    clientId: id,
  };
  remembered.keep(resource.url, token, validated, now);
  return validated;
}

/** The credentials of an account that have not ended, newest first; none for an unknown id or an owner who is not active. */
export async function findAccount(database: D1Database, id: string, now: number): Promise<FoundKey[]> {
  return await orLater(
    async () => (await database.prepare(FIND_ACCOUNT).bind(id, now).all<FoundKey>()).results,
  );
}

/** A key, an account's secret, by its text; `null` for any other. */
export async function findByText(database: D1Database, text: string, now: number): Promise<FoundKey | null> {
  return isWellFormedKey(text) ? await findByDigest(database, digestText(text), now) : null;
}

/** Whether an account may be used at an MCP URL. */
export function isFor(key: FoundKey, resource: Resource): boolean {
  return resourcesOf(key).includes(resource.path);
}

/** Paths of the MCP URLs of an account. */
export function resourcesOf({ resources }: FoundKey): string[] {
  return JSON.parse(resources) as string[];
}

/** Scopes of an account that its owner's role has now, at one MCP URL. */
export function scopesOf({ scopes, role }: FoundKey, resource: Resource, policy: Policy): string[] {
  return (JSON.parse(scopes) as string[]).filter(
    (one) =>
      roleMayHold(policy, role, one) &&
      resource.servers.some(({ scopes: known }) => Object.hasOwn(known, one)),
  );
}

/** The credential that a bearer token stands for. Without narrower scopes and an earlier end when it is the key itself. */
async function readBearer(
  env: Env,
  { url }: Resource,
  token: string,
  now: number,
): Promise<{ credential: string; scopes: readonly string[] | null; until: number } | null> {
  if (looksLikeServiceToken(token)) {
    return await openServiceToken(openKeyring(env, "SESSION_SEAL_KEY"), url, token, now);
  }
  if (!isWellFormedKey(token)) return null;
  return { credential: digestText(token), scopes: null, until: Number.POSITIVE_INFINITY };
}

async function findByDigest(database: D1Database, digest: string, now: number): Promise<FoundKey | null> {
  return await orLater(() => database.prepare(FIND_KEY).bind(digest, now).first<FoundKey>());
}

async function orLater<Found>(read: () => Promise<Found>): Promise<Found> {
  try {
    return await read();
  } catch (failure) {
    throw new OAuthError("temporarily_unavailable", {
      description: "Gatehouse cannot reach its database. Try again in a moment.",
      statusCode: 503,
      headers: { "Retry-After": "5" },
      internal: { category: "api-key", reason: "database_unavailable", detail: failure },
    });
  }
}

/** A 401 would send the client through a sign-in that it cannot do. */
function forOtherUrls(publicUrl: string, key: FoundKey): OAuthError {
  const urls = resourcesOf(key)
    .map((path) => `${publicUrl}${path}`)
    .join(", ");
  return new OAuthError("invalid_target", {
    description: `This API key is not for this address. It is for ${urls}.`,
    statusCode: 403,
  });
}
