import { fromBase64, toBase64 } from "../encoding/base64.ts";

/** A secret as both sides of a webhook keep it: `whsec_` and base64. */
const SECRET = /^whsec_([A-Za-z0-9+/]{32,88}={0,2})$/;

/** Bytes of a secret (Standard Webhooks, «Signature scheme»). */
const BYTES = { least: 24, most: 64 } as const;

/** The bytes of a `whsec_` secret, 24 to 64; `null` for every other text. */
export function readWebhookSecret(text: string): Uint8Array<ArrayBuffer> | null {
  const [, base64] = SECRET.exec(text) ?? [];
  if (base64 === undefined) return null;
  const bytes = fromBase64(base64);
  return bytes.length >= BYTES.least && bytes.length <= BYTES.most ? bytes : null;
}

/**
 * The headers of a webhook by Standard Webhooks: `v1,` and the base64 of HMAC-SHA256 over `<id>.<seconds>.<body>`.
 *
 * @param id - names the message; the same at every try, so that its receiver can leave out what it has
 * @param now - of this try, in milliseconds since the epoch
 */
export async function signWebhook(
  secret: Uint8Array<ArrayBuffer>,
  id: string,
  now: number,
  body: string,
): Promise<Record<string, string>> {
  const seconds = Math.floor(now / 1_000);
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", secret, hmac, false, ["sign"]);
  const signed = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(`${id}.${seconds}.${body}`));
  return {
    "webhook-id": id,
    "webhook-timestamp": String(seconds),
    "webhook-signature": `v1,${toBase64(signed)}`,
  };
}
