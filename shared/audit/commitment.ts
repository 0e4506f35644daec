import { Buffer } from "node:buffer";
import { canonicalize, digestText } from "../encoding/canonical-json.ts";

/**
 * Commits to an event: SHA-256 of the canonical JSON (RFC 8785) of `[salt, event]`. The salted digest of RFC 9901
 * §4.2.3 (SD-JWT) in another spelling: whoever has salt and event can show that the record was made of them, and
 * whoever has only the digest learns nothing, because the salt cannot be guessed (§9.3) even where the event can.
 */
export function commitTo(salt: string, event: unknown): string {
  return commitToText(salt, canonicalize(event));
}

/** The same for an event that is canonical JSON already. */
export function commitToText(salt: string, event: string): string {
  return digestText(`[${JSON.stringify(salt)},${event}]`);
}

/** A new salt: 128 random bits (RFC 9901 §9.3), base64url. */
export function createSalt(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64url");
}
