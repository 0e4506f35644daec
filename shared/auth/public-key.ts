import { fromBase64 } from "../encoding/base64.ts";

/** Signature algorithms of assertions, and the form of a key for each (RFC 7518 §3.1). */
const ALGORITHMS = {
  ES256: { name: "ECDSA", namedCurve: "P-256" },
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
} as const;

/** Names of {@link ALGORITHMS}: neither `none` nor one with a shared secret is among them. */
export const ASSERTION_ALGORITHMS = ["RS256", "ES256"] as const;

/** A public key as it is stored: the members of RFC 7517 that make it up, and its algorithm. */
export type PublicKey = JsonWebKey & { alg: (typeof ASSERTION_ALGORITHMS)[number] };

const PEM = /^-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----$/;
/** Least bits of an RSA key (RFC 7518 §3.3), in bytes of its modulus. */
const RSA_BYTES = 256;
/** Most characters of a key's text: RSA with 8192 bits has about 1,500. */
const MOST_CHARACTERS = 8_000;

/**
 * Reads a public key as people paste it: PEM (`BEGIN PUBLIC KEY`) or a JSON Web Key; P-256 or RSA. Gives the key, or a
 * sentence about what is wrong. A private key is refused and never repeated.
 */
export async function readPublicKey(text: string): Promise<PublicKey | string> {
  const typed = text.trim();
  if (typed.includes("PRIVATE KEY"))
    return "This is a private key. It stays with the agent: give the public one";
  if (typed.length > MOST_CHARACTERS) return "This key is too long";
  const [, pem] = PEM.exec(typed) ?? [];
  const given = pem === undefined ? parseJwk(typed) : fromBase64(pem);
  if (given === null) return "Paste a public key in PEM (BEGIN PUBLIC KEY) or as a JSON Web Key";
  if (!(given instanceof Uint8Array) && isPrivate(given)) {
    return "This is a private key. It stays with the agent: give the public one";
  }
  for (const alg of ASSERTION_ALGORITHMS) {
    const key = await importAs(alg, given);
    if (key === null) continue;
    if (key.kty === "RSA" && fromBase64(key.n ?? "").byteLength < RSA_BYTES)
      return "An RSA key needs 2,048 bits or more";
    return key;
  }
  return "The key must be of the curve P-256 or of RSA";
}

function parseJwk(text: string): JsonWebKey | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as JsonWebKey)
      : null;
  } catch {
    return null;
  }
}

function isPrivate(key: JsonWebKey): boolean {
  return ["d", "p", "q", "dp", "dq", "qi", "k", "oth"].some((member) => Object.hasOwn(key, member));
}

async function importAs(
  alg: PublicKey["alg"],
  given: Uint8Array<ArrayBuffer> | JsonWebKey,
): Promise<PublicKey | null> {
  try {
    const algorithm = ALGORITHMS[alg];
    const imported =
      given instanceof Uint8Array
        ? await crypto.subtle.importKey("spki", given, algorithm, true, ["verify"])
        : await crypto.subtle.importKey("jwk", membersOf(given), algorithm, true, ["verify"]);
    const exported = (await crypto.subtle.exportKey("jwk", imported)) as JsonWebKey;
    return { ...membersOf(exported), alg };
  } catch {
    return null;
  }
}

/** What makes up a public key; a key's own name, certificates and uses do not count here. */
function membersOf({ kty, crv, x, y, n, e }: JsonWebKey): JsonWebKey {
  const set = Object.entries({ crv, x, y, n, e }).filter(([, value]) => value !== undefined);
  return { kty, ...Object.fromEntries(set) };
}
