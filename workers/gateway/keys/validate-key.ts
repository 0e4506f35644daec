import { OAuthError, type ValidatedAccessToken } from "@cloudflare/workers-oauth-provider";
import { isWellFormedKey } from "../../../shared/auth/access-key.ts";
import { digestText } from "../../../shared/encoding/canonical-json.ts";
import { policyInForce, roleMayHold } from "../../../shared/policy/current.ts";
import { TokenMemory } from "../grants/token-memory.ts";
import type { GrantProps } from "../oauth/grant.ts";
import type { Resource } from "../oauth/resources.ts";

/** One read finds the key, all of its limits and its owner. Writes nothing: the last use comes from the trail. */
export const FIND_KEY = `
  SELECT access_key.id, scopes, resources, tools, networks, mfa_at AS mfaAt, secret.ends_at AS secretEndsAt,
         (SELECT max(ends_at) FROM access_key_secret WHERE key_id = access_key.id) AS endsAt,
         owner AS userId, person."email", person."name", person."role"
    FROM access_key_secret AS secret
    JOIN access_key ON access_key.id = secret.key_id
    JOIN "user" AS person ON person."id" = owner AND person."disabled" = 0
   WHERE digest = ?1 AND secret.ends_at > ?2`;

interface FoundKey extends Omit<GrantProps, "key"> {
  id: string;
  /** JSON lists. */
  scopes: string;
  resources: string;
  tools: string;
  networks: string;
  secretEndsAt: number;
  endsAt: number;
}

const remembered = new TokenMemory();

/**
 * Validates an API key as bearer token for one MCP URL; `null` if it is unknown, revoked or ended, or if its owner's
 * account is not active. Looked up once a minute per isolate, as access tokens are: every request asks the owner's
 * Principal object whether key and owner are still valid. Throws `OAuthError`: 403 for a key of other URLs, 503 while
 * the database is away.
 */
export async function validateKey(
  env: Env,
  resource: Resource,
  token: string,
): Promise<ValidatedAccessToken<GrantProps> | null> {
  const now = Date.now();
  const known = remembered.find<GrantProps>(resource.url, token, now);
  if (known !== null) return known;
  if (!isWellFormedKey(token)) return null;
  const key = await findKey(env.PLATFORM_DB, digestText(token), now);
  if (key === null) return null;
  const resources = JSON.parse(key.resources) as string[];
  if (!resources.includes(resource.path)) throw forOtherUrls(env.PUBLIC_URL, resources);
  const { id, userId, email, name, role, mfaAt, endsAt } = key;
  const policy = await policyInForce(env);
  const scope = (JSON.parse(key.scopes) as string[]).filter(
    (one) =>
      roleMayHold(policy, role, one) && resource.servers.some(({ scopes }) => Object.hasOwn(scopes, one)),
  );
  const tools = JSON.parse(key.tools) as string[];
  const networks = JSON.parse(key.networks) as string[];
  const validated: ValidatedAccessToken<GrantProps> = {
    props: { userId, email, name, role, mfaAt, key: { id, tools, networks, endsAt } },
    audience: resource.url,
    expiresAt: Math.floor(key.secretEndsAt / 1000),
    scope,
    userId,
    clientId: id,
  };
  remembered.keep(resource.url, token, validated, now);
  return validated;
}

async function findKey(database: D1Database, digest: string, now: number): Promise<FoundKey | null> {
  try {
    return await database.prepare(FIND_KEY).bind(digest, now).first<FoundKey>();
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
function forOtherUrls(publicUrl: string, resources: readonly string[]): OAuthError {
  const urls = resources.map((path) => `${publicUrl}${path}`).join(", ");
  return new OAuthError("invalid_target", {
    description: `This API key is not for this address. It is for ${urls}.`,
    statusCode: 403,
  });
}
