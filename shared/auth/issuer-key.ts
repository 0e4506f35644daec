import { calculateJwkThumbprint, type JWK, type JWTPayload, SignJWT } from "jose";
import { ISSUER_ALGORITHM } from "./issuer-address.ts";
import type { Key, Keyring } from "./keyring.ts";

const CURVE = { name: "ECDSA", namedCurve: "P-256" } as const;

/** The order of P-256 (SEC 2 §2.4.2): a private key is a number between 0 and this one. */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** DER of a P-256 private key up to its 32 bytes, without the public half (RFC 5915, RFC 5208). */
const PKCS8_PREFIX = [
  0x30, 0x41, 2, 1, 0, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce,
  0x3d, 3, 1, 7, 4, 0x27, 0x30, 0x25, 2, 1, 1, 4, 0x20,
];

/** A key with which Gatehouse signs as an issuer. */
export interface IssuerKey {
  key: CryptoKey;
  /** The SHA-256 thumbprint of the public half (RFC 7638). */
  kid: string;
  /** The public half, as the key set has it. */
  publicKey: JWK;
}

const opened = new WeakMap<Key, Promise<IssuerKey>>();

/** The key that signs: the first of the ring. */
export function openIssuerKey([first]: Keyring): Promise<IssuerKey> {
  return open(first);
}

/** The public halves of every key of the ring (RFC 7517 §5): those of a rotation overlap here. */
export async function listIssuerKeys(keyring: Keyring): Promise<{ keys: JWK[] }> {
  const keys = await Promise.all(keyring.map(open));
  return { keys: keys.map(({ publicKey }) => publicKey) };
}

/** Signs claims as a JWT with the first key. `iat`, `exp` and `jti` are set here. */
export async function signAsIssuer(
  keyring: Keyring,
  claims: JWTPayload & { iss: string; sub: string; aud: string },
  seconds: number,
): Promise<string> {
  const { key, kid } = await openIssuerKey(keyring);
  return await new SignJWT(claims)
    .setProtectedHeader({ alg: ISSUER_ALGORITHM, kid, typ: "JWT" })
    .setIssuedAt()
    .setExpirationTime(`${seconds}s`)
    .setJti(crypto.randomUUID())
    .sign(key);
}

function open(key: Key): Promise<IssuerKey> {
  let promise = opened.get(key);
  if (promise === undefined) {
    promise = derive(key);
    opened.set(key, promise);
  }
  return promise;
}

/**
 * Derives the private key from the secret, which is any long random text, so that a deployment needs no key file: HKDF
 * (RFC 5869), with 128 bits more than the order has, against a bias (FIPS 186-5 §A.2.1).
 */
async function derive({ secret }: Key): Promise<IssuerKey> {
  const encoder = new TextEncoder();
  const material = await crypto.subtle.importKey("raw", encoder.encode(secret), "HKDF", false, [
    "deriveBits",
  ]);
  const info = encoder.encode("gatehouse issuer ES256");
  const hkdf = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info };
  const bits = new Uint8Array(await crypto.subtle.deriveBits(hkdf, material, 384));
  const number = (bits.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n) % (ORDER - 1n)) + 1n;
  const bytes = Array.from({ length: 32 }, (_, at) => Number((number >> BigInt(8 * (31 - at))) & 0xffn));
  const encoded = new Uint8Array([...PKCS8_PREFIX, ...bytes]);
  const whole = await crypto.subtle.importKey("pkcs8", encoded, CURVE, true, ["sign"]);
  const { kty, crv, x, y } = (await crypto.subtle.exportKey("jwk", whole)) as JsonWebKey & JWK;
  if (x === undefined || y === undefined)
    throw new TypeError("The platform exported a P-256 key without its public half.");
  const own = { kty: String(kty), crv: String(crv), x, y };
  const kid = await calculateJwkThumbprint(own);
  const key = await crypto.subtle.importKey("pkcs8", encoded, CURVE, false, ["sign"]);
  return { key, kid, publicKey: { ...own, kid, use: "sig", alg: ISSUER_ALGORITHM } };
}
