import { fromBase64, toBase64Url } from "../encoding/base64.ts";
import type { Key, Keyring } from "./keyring.ts";

/** Purpose of a signature. It is part of the signed text, so a signature is invalid for any other purpose. */
export type Purpose = "session" | "approval link" | "factor link" | "cursor" | "confirm" | "key form";

/**
 * `<version>.<MAC>`. The last base64url character of 32 bytes carries four bits; the pattern allows its one
 * canonical spelling.
 */
const SIGNATURE = /^([1-9]\d{0,5})\.([A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])$/;

const encoder = new TextEncoder();
const imported = new WeakMap<Key, Promise<CryptoKey>>();

/**
 * Signs a text with the first key: HMAC-SHA-256 (RFC 2104) over purpose and text. Returns `<version>.<MAC>`,
 * the MAC in base64url (RFC 4648 §5): 43 characters that fit into headers, cookies and addresses. The version
 * names the signing key.
 */
export async function signText(keyring: Keyring, purpose: Purpose, text: string): Promise<string> {
  const [key] = keyring;
  const mac = await crypto.subtle.sign("HMAC", await importKey(key), toMessage(purpose, text));
  return `${key.version}.${toBase64Url(mac)}`;
}

/**
 * Whether a signature was made for this purpose and text with one of the keys. False for malformed input. The
 * MAC is compared in constant time; the version is public.
 */
export async function verifyText(
  keyring: Keyring,
  purpose: Purpose,
  text: string,
  signature: string,
): Promise<boolean> {
  const [, version, mac] = SIGNATURE.exec(signature) ?? [];
  const key = keyring.find((candidate) => candidate.version === Number(version));
  if (key === undefined || mac === undefined) return false;
  return crypto.subtle.verify("HMAC", await importKey(key), fromBase64(mac), toMessage(purpose, text));
}

/** JSON separates purpose and text: no text can look like another purpose. */
function toMessage(purpose: Purpose, text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(encoder.encode(JSON.stringify([purpose, text])));
}

function importKey(key: Key): Promise<CryptoKey> {
  let promise = imported.get(key);
  if (promise === undefined) {
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    promise = crypto.subtle.importKey("raw", encoder.encode(key.secret), algorithm, false, [
      "sign",
      "verify",
    ]);
    imported.set(key, promise);
  }
  return promise;
}
