import { Buffer } from "node:buffer";
import type { Key, Keyring } from "./keyring.ts";

/** Bytes of a nonce (NIST SP 800-38D §8.2). A random one per text: a vault holds far fewer than 2^32. */
const NONCE_BYTES = 12;

/** `<version>.<nonce>.<ciphertext>`, the last two in base64url. */
const SEALED = /^([1-9]\d{0,5})\.([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]{22,})$/;

const encoder = new TextEncoder();
const derived = new WeakMap<Key, Promise<CryptoKey>>();

/**
 * Encrypts a text with the first key: AES-256-GCM, the key derived from the secret by HKDF (RFC 5869). `about`
 * says what the text belongs to; it is authenticated, so a sealed text opens nowhere else.
 */
export async function sealText(keyring: Keyring, about: readonly string[], text: string): Promise<string> {
  const [key] = keyring;
  const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const algorithm = { name: "AES-GCM", iv, additionalData: toBytes(about) };
  const sealed = await crypto.subtle.encrypt(algorithm, await deriveKey(key), encoder.encode(text));
  return `${key.version}.${Buffer.from(iv).toString("base64url")}.${Buffer.from(sealed).toString("base64url")}`;
}

/** Decrypts a text of {@link sealText}; `null` if it was sealed for something else, changed, or its key is gone. */
export async function openSealedText(
  keyring: Keyring,
  about: readonly string[],
  sealed: string,
): Promise<string | null> {
  const [, version, nonce = "", ciphertext = ""] = SEALED.exec(sealed) ?? [];
  const key = keyring.find((candidate) => candidate.version === Number(version));
  if (key === undefined) return null;
  const iv = new Uint8Array(Buffer.from(nonce, "base64url"));
  const algorithm = { name: "AES-GCM", iv, additionalData: toBytes(about) };
  try {
    const opened = await crypto.subtle.decrypt(
      algorithm,
      await deriveKey(key),
      new Uint8Array(Buffer.from(ciphertext, "base64url")),
    );
    return new TextDecoder().decode(opened);
  } catch {
    return null;
  }
}

/** JSON separates the parts: no choice of names makes two of them equal. */
function toBytes(about: readonly string[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(encoder.encode(JSON.stringify(about)));
}

function deriveKey(key: Key): Promise<CryptoKey> {
  let promise = derived.get(key);
  if (promise === undefined) {
    promise = importKey(key);
    derived.set(key, promise);
  }
  return promise;
}

async function importKey({ secret }: Key): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey("raw", encoder.encode(secret), "HKDF", false, ["deriveKey"]);
  return crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: encoder.encode("gatehouse seal-text") },
    material,
    { name: "AES-GCM", length: 256 },
    false,
    ["encrypt", "decrypt"],
  );
}
