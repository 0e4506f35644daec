import { env } from "cloudflare:workers";
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from "jose";

const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** An asymmetric key pair of a signer. */
export interface Signer {
  alg: "ES256" | "RS256";
  privateKey: CryptoKey;
  publicKey: CryptoKey;
  /** Public key in PEM. */
  pem: string;
}

/** Makes a key pair. */
export async function makeSigner(alg: Signer["alg"] = "ES256"): Promise<Signer> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { alg, privateKey, publicKey, pem: await exportSPKI(publicKey) };
}

/** What a test changes of a token that is otherwise right. */
export interface Changes {
  claims?: JWTPayload;
  /** Claims to leave out. */
  without?: readonly string[];
  header?: Record<string, unknown>;
}

/** Signs claims; `iat`, `exp` (two minutes) and `jti` are filled in. */
export async function sign(
  { alg, privateKey }: Signer,
  claims: JWTPayload,
  { claims: changed = {}, without = [], header = {} }: Changes = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const all = { iat: now, exp: now + 120, jti: crypto.randomUUID(), ...claims, ...changed };
  const kept = Object.fromEntries(Object.entries(all).filter(([name]) => !without.includes(name)));
  return await new SignJWT(kept)
    .setProtectedHeader({ alg, ...header })
    .sign(privateKey, { crit: { x: true } });
}

/** The claims with which a service account signs in. */
export function claimsOf(id: string): JWTPayload {
  return { iss: id, sub: id, aud: env.PUBLIC_URL };
}

/** A request for a token with such an assertion. */
export function withAssertion(
  assertion: string,
  fields: Record<string, string> = {},
): Record<string, string> {
  return {
    grant_type: "client_credentials",
    client_assertion_type: ASSERTION_TYPE,
    client_assertion: assertion,
    resource: `${env.PUBLIC_URL}/mcp/crm`,
    ...fields,
  };
}

/** Base64url of a JSON value. */
export function encodePart(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

/** A token whose signature is an HMAC with the text of a public key (RFC 8725 §2.1). */
export async function signConfused(claims: JWTPayload, secret: string, header = {}): Promise<string> {
  return await new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256", ...header })
    .setIssuedAt()
    .setExpirationTime("2m")
    .setJti(crypto.randomUUID())
    .sign(new TextEncoder().encode(secret));
}

/** The signer's key as an issuer publishes it. */
export async function publishAs(signer: Signer, kid: string) {
  return { ...(await exportJWK(signer.publicKey)), kid, use: "sig", alg: signer.alg };
}
