import { waitUntil } from "cloudflare:workers";
import { OAuthError } from "@cloudflare/workers-oauth-provider";
import { publishRights } from "../../../shared/objects/change-gate.ts";
import { principalGate } from "../../../shared/objects/principal-gate.ts";

import type { Expectation, RecordKey } from "../../objects/grants/grant-records.ts";
import { grantStore } from "./grant-objects.ts";
import { isRegisteredKey, readRegisteredClient } from "./registered-clients.ts";
import { spendAssertion } from "./spend-assertion.ts";

/** KV's minimum lifetime in seconds, on which the library relies. */
const LEAST_TTL = 60;
/** Maximum and default number of keys per listing, as with KV. */
const PAGE = 1000;
/** Longest key in bytes, as with KV. */
const KEY_BYTES = 512;

const GRANT_KEY = /^(grant|token):([^:]+):([^:]+)(?::([^:]+))?/;
/** The library's markers of used assertions: of an identity provider, and of a client that signs. */
const ASSERTION_KEY = /^(?:enterprise-jti|client-assertion-jti):/;
/** Seconds that a marker lives: longer than the library accepts an assertion. */
const ASSERTION_SECONDS = 2 * 60 * 60;
const OWN_PREFIX = /^(?:grant|token):([^:]+):/;

type ReadType = "text" | "json";

/** The part of a listing that the OAuth library reads. */
interface KeyPage {
  keys: { name: string; expiration?: number; metadata?: unknown }[];
  list_complete: boolean;
  cursor?: string;
  cacheStatus: null;
}

/**
 * The environment for the OAuth library: `OAUTH_KV` with grants and tokens in their user's GrantStore.
 * Created per request, because it remembers the version of each record that the request read.
 *
 * @param mode - `rehearse`: grants and tokens are read, but writes to them are dropped
 */
export function withGrantStore(env: Env, mode: "write" | "rehearse" = "write"): Env {
  // The library uses only these four methods of KV; a test checks that.
  return { ...env, OAUTH_KV: new GrantStorage(env, mode) as unknown as KVNamespace };
}

/**
 * KV's interface over two stores. Keys `grant:` and `token:` are in the object of the user they name,
 * strongly consistent, as are markers of used assertions; all others stay in KV. A write to a record that this request has read succeeds only if
 * the record is unchanged: a concurrent refresh cannot bring back a revoked grant, and of two refreshes one
 * fails. Throws `OAuthError`: `invalid_grant` if the grant is gone (RFC 6749 §5.2), `temporarily_unavailable`
 * with 503 if another request changed it.
 */
class GrantStorage {
  readonly #env: Env;
  readonly #rehearsing: boolean;
  readonly #versions = new Map<string, Expectation>();

  constructor(env: Env, mode: "write" | "rehearse") {
    this.#env = env;
    this.#rehearsing = mode === "rehearse";
  }

  async get(key: string, options?: ReadType | { type?: ReadType }): Promise<unknown> {
    const type = (typeof options === "string" ? options : options?.type) ?? "text";
    if (isRegisteredKey(key)) {
      const record = await readRegisteredClient(this.#env.PLATFORM_DB, key);
      return record === null || type === "text" ? record : JSON.parse(record);
    }
    // The library looks for a marker, then writes one. Here looking leaves it, so of two requests one gets through.
    if (ASSERTION_KEY.test(key)) {
      const isFirst = await spendAssertion(this.#env, [key], Date.now() / 1000 + ASSERTION_SECONDS);
      return isFirst ? null : "1";
    }
    if (!isGrantKey(key)) {
      return type === "json" ? await this.#env.OAUTH_KV.get(key, "json") : await this.#env.OAUTH_KV.get(key);
    }
    // Token keys contain client input: an invalid key does not exist, and no object is addressed.
    const place = placeOf(key);
    if (place === null) return null;
    const record = await grantStore(this.#env, place.userId).read(key);
    this.#versions.set(key, { version: record?.version ?? null });
    if (record === null) return null;
    return type === "json" ? JSON.parse(record.value) : record.value;
  }

  async put(key: string, value: string, options: KVNamespacePutOptions = {}): Promise<void> {
    if (ASSERTION_KEY.test(key)) return;
    if (!isGrantKey(key)) return await this.#env.OAUTH_KV.put(key, value, options);
    const place = placeOf(key);
    if (place === null) throw new TypeError("The key names no user and grant, or is longer than 512 bytes.");
    const expiresAt = readExpiry(options);
    if (this.#rehearsing) return;
    const metadata = options.metadata == null ? null : JSON.stringify(options.metadata);
    const written = await grantStore(this.#env, place.userId).write(
      place.at,
      { value, metadata, expiresAt },
      this.#versions.get(key) ?? null,
    );
    if (!written.written) throw written.reason === "gone" ? revoked() : overtaken();
    this.#versions.set(key, { version: written.version });
  }

  async delete(key: string): Promise<void> {
    if (!isGrantKey(key)) return await this.#env.OAUTH_KV.delete(key);
    const place = placeOf(key);
    if (place === null) return;
    this.#versions.delete(key);
    // The Principal object is told first: it refuses calls of open sessions, whatever other caches hold.
    const principal = principalGate(this.#env, place.userId);
    if (place.at.kind === "grant") {
      await principal.revokeGrant(place.at.grantId);
      await publishRights(this.#env, { userId: place.userId });
    } else if (place.tokenId !== null) {
      await principal.revokeToken(place.tokenId);
      // Not awaited: the end of a grant removes each of its tokens first, and an announcement takes up to a second.
      waitUntil(publishRights(this.#env, { userId: place.userId }));
    }
    await grantStore(this.#env, place.userId).remove(place.at);
  }

  async list(options: KVNamespaceListOptions = {}): Promise<KeyPage | KVNamespaceListResult<unknown>> {
    const prefix = options.prefix ?? "";
    if (!isGrantKey(prefix)) return await this.#env.OAUTH_KV.list(options);
    const [, userId] = OWN_PREFIX.exec(prefix) ?? [];
    if (userId === undefined)
      throw new Error("Grants are kept per user: a listing needs the user in its prefix.");
    const limit = options.limit ?? PAGE;
    if (limit < 1 || limit > PAGE) throw new RangeError(`A listing returns 1 to ${PAGE} keys.`);
    // One extra key tells whether there is a next page.
    const found = await grantStore(this.#env, userId).list(prefix, options.cursor ?? "", limit + 1);
    const keys = found.slice(0, limit).map(({ name, metadata, expiresAt }) => ({
      name,
      ...(expiresAt !== null && { expiration: expiresAt }),
      ...(metadata !== null && { metadata: JSON.parse(metadata) as unknown }),
    }));
    const last = keys.at(-1);
    if (found.length <= limit || last === undefined) return { keys, list_complete: true, cacheStatus: null };
    return { keys, list_complete: false, cursor: last.name, cacheStatus: null };
  }
}

function isGrantKey(key: string): boolean {
  return key.startsWith("grant:") || key.startsWith("token:");
}

/** `tokenId` is the SHA-256 of an access token, as in the library's record name; `null` for a grant. */
function placeOf(key: string): { userId: string; at: RecordKey; tokenId: string | null } | null {
  const [, kind, userId, grantId, tokenId = null] = GRANT_KEY.exec(key) ?? [];
  if (userId === undefined || grantId === undefined) return null;
  if (new TextEncoder().encode(key).byteLength > KEY_BYTES) return null;
  return { userId, at: { key, kind: kind === "grant" ? "grant" : "token", grantId }, tokenId };
}

/** Expiry of a record in Unix seconds; `null` for never. Enforces KV's own limits. */
function readExpiry({ expiration, expirationTtl }: KVNamespacePutOptions): number | null {
  const now = Math.floor(Date.now() / 1000);
  const expiresAt = expirationTtl === undefined ? expiration : now + expirationTtl;
  if (expiresAt === undefined) return null;
  if (expiresAt < now + LEAST_TTL) throw new RangeError(`A record must live ${LEAST_TTL} seconds at least.`);
  return expiresAt;
}

function revoked(): OAuthError {
  return new OAuthError("invalid_grant", {
    description: "The connection has been revoked. Connect the app again.",
  });
}

/** Another request changed the grant first, so this request's result is void. */
function overtaken(): OAuthError {
  return new OAuthError("temporarily_unavailable", {
    description: "Another request of this connection was faster. Send this one again.",
    statusCode: 503,
    headers: { "Retry-After": "1" },
  });
}
