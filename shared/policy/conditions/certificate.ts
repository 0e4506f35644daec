import { z } from "zod";
import { defineCondition, denyUnless } from "./condition.ts";

/** Stands for every certificate that Cloudflare has verified. */
const ANY = "required";

const fingerprint = z
  .string()
  .transform(normalizeFingerprint)
  .pipe(z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 fingerprint: 64 hexadecimal digits"));

/** Which certificates a key needs: none, any, or some by their fingerprints. */
export const keyCertificates = z.union([
  z.tuple([]),
  z.tuple([z.literal(ANY)]),
  z.array(fingerprint).min(1).max(20),
]);

/** Client certificate of the connection (mTLS), as Cloudflare has verified it. */
export const certificate = defineCondition({
  schema: z
    .union([z.literal(ANY), z.array(fingerprint).min(1).max(250)])
    .describe(
      "`required`, or SHA-256 fingerprints: the connection must come with a client certificate that Cloudflare has verified and that is not revoked. Needs mTLS on the zone.",
    ),
  compile(wanted) {
    const list = typeof wanted === "string" ? [wanted] : wanted;
    return denyUnless(({ certificate: presented }) => hasCertificate(presented, list));
  },
});

/**
 * Whether a connection has a wanted certificate.
 *
 * @param presented - fingerprint of the verified certificate, or absent
 */
export function hasCertificate(presented: string | undefined, wanted: readonly string[]): boolean {
  return presented !== undefined && (wanted.includes(ANY) || wanted.includes(presented));
}

/** A fingerprint in lower case and without colons. */
export function normalizeFingerprint(text: string): string {
  return text.replaceAll(":", "").toLowerCase();
}
