import { toBase64Url } from "../encoding/base64.ts";
import { canonicalize, digestText } from "../encoding/canonical-json.ts";

/**
 * Commits to an event: SHA-256 of the canonical JSON (RFC 8785) of `[salt, event]`, as the salted digest of
 * RFC 9901 §4.2.3 (SD-JWT). With salt and event one can show that the record was made of them. The digest
 * alone reveals nothing, even for a guessable event, because the salt cannot be guessed (§9.3).
 */
export function commitTo(salt: string, event: unknown): string {
  return commitToText(salt, canonicalize(event));
}

/** {@link commitTo} for an event that is already canonical JSON. */
export function commitToText(salt: string, event: string): string {
  return digestText(`[${JSON.stringify(salt)},${event}]`);
}

/** A new salt: 128 random bits (RFC 9901 §9.3), base64url. */
export function createSalt(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(16)));
}
