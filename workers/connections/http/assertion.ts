import { toBase64Url } from "../../../shared/encoding/base64.ts";

/** A private key with what a key file says of it. */
interface ServiceKey {
  privateKey: string;
  issuer?: string;
  keyId?: string;
}

/** Seconds for which an assertion is valid: it is used at once. */
const VALID_SECONDS = 180;

/** A secret of the vault: PEM text, or the JSON of a Google key file. */
export function readServiceKey(secret: string): ServiceKey {
  if (!secret.trimStart().startsWith("{")) return { privateKey: secret };
  const file = JSON.parse(secret) as Record<string, unknown>;
  return {
    privateKey: String(file.private_key),
    ...(typeof file.client_email === "string" && { issuer: file.client_email }),
    ...(typeof file.private_key_id === "string" && { keyId: file.private_key_id }),
  };
}

/** A JWT with RS256 (RFC 7523 §3). Rejects if the key is no PKCS #8 key in PEM. */
export async function signAssertion(
  pem: string,
  { header, claims }: { header: string | undefined; claims: Record<string, unknown> },
): Promise<string> {
  const text = pem.replaceAll("\\n", "\n");
  const body = /-----BEGIN PRIVATE KEY-----([\s\S]+?)-----END PRIVATE KEY-----/.exec(text)?.[1] ?? "";
  const bytes = Uint8Array.from(atob(body.replace(/\s+/g, "")), (character) => character.charCodeAt(0));
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("pkcs8", bytes, algorithm, false, ["sign"]);
  const now = Math.floor(Date.now() / 1_000);
  const parts = [
    { alg: "RS256", typ: "JWT", ...(header !== undefined && { kid: header }) },
    { ...claims, iat: now, exp: now + VALID_SECONDS, jti: crypto.randomUUID() },
  ];
  const signed = parts.map((part) => toBase64Url(new TextEncoder().encode(JSON.stringify(part)))).join(".");
  const signature = await crypto.subtle.sign(algorithm.name, key, new TextEncoder().encode(signed));
  return `${signed}.${toBase64Url(new Uint8Array(signature))}`;
}
