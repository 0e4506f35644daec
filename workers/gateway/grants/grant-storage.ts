import { OAuthError } from "@cloudflare/workers-oauth-provider";
import { principalGate } from "../../../shared/objects/principal-gate.ts";

import type { Expectation, RecordKey } from "../../objects/grants/grant-records.ts";
import { callGrantStore } from "./call-grant-store.ts";

/** Least lifetime in seconds that KV takes; the library counts on the same. */
const LEAST_TTL = 60;
/** Most keys of one listing, and the default, as with KV. */
const PAGE = 1000;
/** Longest key in bytes, as with KV. */
const KEY_BYTES = 512;

const GRANT_KEY = /^(grant|token):([^:]+):([^:]+)(?::([^:]+))?/;
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
 * The environment as the OAuth library gets it: `OAUTH_KV` with grants and tokens in their user's GrantStore. Made
 * anew for each request, because it remembers which version of a record the request has read.
 *
 * @param mode - `rehearse`: grants and tokens are read, but what is written to them is dropped
 */
export function withGrantStore(env: Env, mode: "write" | "rehearse" = "write"): Env {
  // The library uses these four methods of KV and no other; a test holds it to that.
  return { ...env, OAUTH_KV: new GrantStorage(env, mode) as unknown as KVNamespace };
}

/**
 * KV's interface over two homes. `grant:` and `token:` keys live in the object of the user whom they name, strongly
 * consistent; everything else stays in KV. A write to a record that this request has read succeeds only if the
 * record is still the same: a revoked grant cannot come back because a refresh was under way, and of two refreshes
 * one fails. Throws `OAuthError`: `invalid_grant` when the grant is gone (RFC 6749 §5.2), `temporarily_unavailable`
 * with 503 when another request changed it.
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
    if (!isGrantKey(key)) {
      return type === "json" ? await this.#env.OAUTH_KV.get(key, "json") : await this.#env.OAUTH_KV.get(key);
    }
    // Keys of tokens come from outside: what cannot be a key is not there, and no object is asked.
    const place = placeOf(key);
    if (place === null) return null;
    const record = await callGrantStore(this.#env, place.userId, (store) => store.read(key));
    this.#versions.set(key, { version: record?.version ?? null });
    if (record === null) return null;
    return type === "json" ? JSON.parse(record.value) : record.value;
  }

  async put(key: string, value: string, options: KVNamespacePutOptions = {}): Promise<void> {
    if (!isGrantKey(key)) return await this.#env.OAUTH_KV.put(key, value, options);
    const place = placeOf(key);
    if (place === null) throw new TypeError("The key names no user and grant, or is longer than 512 bytes.");
    const expiresAt = readExpiry(options);
    if (this.#rehearsing) return;
    const metadata = options.metadata == null ? null : JSON.stringify(options.metadata);
    const written = await callGrantStore(this.#env, place.userId, (store) =>
      store.write(place.at, { value, metadata, expiresAt }, this.#versions.get(key) ?? null),
    );
    if (!written.written) throw written.reason === "gone" ? revoked() : overtaken();
    this.#versions.set(key, { version: written.version });
  }

  async delete(key: string): Promise<void> {
    if (!isGrantKey(key)) return await this.#env.OAUTH_KV.delete(key);
    const place = placeOf(key);
    if (place === null) return;
    this.#versions.delete(key);
    // The person's object learns it first: it refuses calls on open sessions too, whatever is remembered elsewhere.
    const principal = principalGate(this.#env, place.userId);
    if (place.at.kind === "grant") await principal.revokeGrant(place.at.grantId);
    else if (place.tokenId !== null) await principal.revokeToken(place.tokenId);
    await callGrantStore(this.#env, place.userId, (store) => store.remove(place.at));
  }

  async list(options: KVNamespaceListOptions = {}): Promise<KeyPage | KVNamespaceListResult<unknown>> {
    const prefix = options.prefix ?? "";
    if (!isGrantKey(prefix)) return await this.#env.OAUTH_KV.list(options);
    const [, userId] = OWN_PREFIX.exec(prefix) ?? [];
    if (userId === undefined)
      throw new Error("Grants are kept per user: a listing needs the user in its prefix.");
    const limit = options.limit ?? PAGE;
    if (limit < 1 || limit > PAGE) throw new RangeError(`A listing returns 1 to ${PAGE} keys.`);
    // One key more than asked for tells whether there is a next page.
    const found = await callGrantStore(this.#env, userId, (store) =>
      store.list(prefix, options.cursor ?? "", limit + 1),
    );
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

/** `tokenId` is the SHA-256 of an access token, as the library names its record; `null` for a grant. */
function placeOf(key: string): { userId: string; at: RecordKey; tokenId: string | null } | null {
  const [, kind, userId, grantId, tokenId = null] = GRANT_KEY.exec(key) ?? [];
  if (userId === undefined || grantId === undefined) return null;
  if (new TextEncoder().encode(key).byteLength > KEY_BYTES) return null;
  return { userId, at: { key, kind: kind === "grant" ? "grant" : "token", grantId }, tokenId };
}

/** When a record ends, in Unix seconds; `null` for never. KV's own limits hold here too. */
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

/** Another request changed the grant first, so what this one computed does not count. */
function overtaken(): OAuthError {
  return new OAuthError("temporarily_unavailable", {
    description: "Another request of this connection was faster. Send this one again.",
    statusCode: 503,
    headers: { "Retry-After": "1" },
  });
}
