import type { PrincipalIdentity } from "../call/principal.ts";

/**
 * Passes the verified identity of one request from the Worker to a session's object. Only the Worker can
 * address the object, and it sets this header on a request that it builds itself; a client's own header of
 * this name is never copied.
 */
export const IDENTITY_HEADER = "gatehouse-identity";

/** Percent-encoded JSON, because header values are bytes and names may be non-ASCII. */
export function encodeIdentity(identity: PrincipalIdentity): string {
  return encodeURIComponent(JSON.stringify(identity));
}

/**
 * Reads the output of {@link encodeIdentity}. Throws if it is missing: a request without identity is a bug.
 */
export function decodeIdentity(headers: Headers): PrincipalIdentity {
  const value = headers.get(IDENTITY_HEADER);
  if (value === null) throw new TypeError("A request reached a session without an identity.");
  return JSON.parse(decodeURIComponent(value)) as PrincipalIdentity;
}
