import type { PrincipalIdentity } from "../call/principal.ts";

/**
 * Carries the verified identity of one request from the Worker to a session's object. Only the Worker can address
 * the object, and it sets this header on a request that it builds itself: what a client sends under this name is
 * never copied.
 */
export const IDENTITY_HEADER = "gatehouse-identity";

/** Percent-encoded JSON, because header values are bytes and names are not ASCII. */
export function encodeIdentity(identity: PrincipalIdentity): string {
  return encodeURIComponent(JSON.stringify(identity));
}

/** Reads what {@link encodeIdentity} wrote. Throws when it is missing: a request without identity is a bug of ours. */
export function decodeIdentity(headers: Headers): PrincipalIdentity {
  const value = headers.get(IDENTITY_HEADER);
  if (value === null) throw new TypeError("A request reached a session without an identity.");
  return JSON.parse(decodeURIComponent(value)) as PrincipalIdentity;
}
