import { Buffer } from "node:buffer";
import { fromBase64, toBase64Url } from "../encoding/base64.ts";
import { digestText } from "../encoding/canonical-json.ts";

/** The newest record of one chain at the time of a checkpoint. */
export interface SignedHead {
  chain: string;
  sequence: number;
  hash: string;
}

/**
 * The signed statement: heads of the chains that grew since the previous checkpoint. Its bytes are its
 * canonical JSON (RFC 8785).
 */
export interface Checkpoint {
  version: 1;
  /** 1, 2, 3 … without gaps. */
  number: number;
  /** Milliseconds since the epoch. */
  at: number;
  /** SHA-256 of the previous checkpoint; `NO_RECORD` for the first. */
  previous: string;
  /** Last arrival number that the checkpoint covers. */
  through: number;
  /** Ed25519 public key (RFC 8032), 32 bytes in base64url. */
  publicKey: string;
  /** Public key that signs from the next checkpoint on: a key rotation, signed by the old key. */
  successor?: string;
  heads: SignedHead[];
}

/** A key that signs checkpoints. */
export interface SigningKey {
  publicKey: string;
  /** Ed25519 signature over the UTF-8 bytes of a text, base64url. */
  sign(text: string): Promise<string>;
}

/** DER of an Ed25519 private key up to its 32 bytes (RFC 8410 §7, `PrivateKeyInfo`). */
const PKCS8_PREFIX = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/**
 * Derives the signing key from a secret. The secret is any long random text; the private key is the SHA-256
 * of the purpose and the secret, so a deployment needs no key file. A new secret is a new key with its own
 * id. Checkpoints contain their public key, so they stay verifiable after their key is replaced.
 */
export async function openSigningKey(secret: string): Promise<SigningKey> {
  const seed = Buffer.from(digestText(`gatehouse audit checkpoints\n${secret}`), "hex");
  const encoded = new Uint8Array([...PKCS8_PREFIX, ...seed]);
  const key = await crypto.subtle.importKey("pkcs8", encoded, { name: "Ed25519" }, true, ["sign"]);
  const { x } = (await crypto.subtle.exportKey("jwk", key)) as { x?: string };
  if (x === undefined) throw new TypeError("The platform exported an Ed25519 key without its public half.");
  return {
    publicKey: x,
    async sign(text) {
      const signature = await crypto.subtle.sign("Ed25519", key, new TextEncoder().encode(text));
      return toBase64Url(signature);
    },
  };
}

/**
 * Whether `signature` over `text` was made with the private half of `publicKey`. False for malformed input.
 */
export async function isSignedBy(publicKey: string, text: string, signature: string): Promise<boolean> {
  try {
    const key = await crypto.subtle.importKey("raw", fromBase64(publicKey), { name: "Ed25519" }, false, [
      "verify",
    ]);
    return await crypto.subtle.verify("Ed25519", key, fromBase64(signature), new TextEncoder().encode(text));
  } catch {
    return false;
  }
}

/** A short name for a public key: the first 16 hex digits of its SHA-256. */
export function keyIdOf(publicKey: string): string {
  return digestText(publicKey).slice(0, 16);
}
