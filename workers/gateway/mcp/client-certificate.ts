import { normalizeFingerprint } from "../../../shared/policy/conditions/certificate.ts";

/**
 * SHA-256 fingerprint of the connection's client certificate, if Cloudflare has verified it with a certificate authority
 * of the zone and it is not revoked; `undefined` for every other, and without one. Cloudflare passes requests on whose
 * certificate is expired, revoked or of an unknown authority, and says so in `request.cf.tlsClientAuth`.
 */
export function readCertificate({ cf }: Request): string | undefined {
  const presented = cf?.tlsClientAuth as Partial<IncomingRequestCfPropertiesTLSClientAuth> | undefined;
  const { certPresented, certVerified, certRevoked, certFingerprintSHA256: fingerprint } = presented ?? {};
  if (certPresented !== "1" || certVerified !== "SUCCESS" || certRevoked !== "0") return undefined;
  return typeof fingerprint === "string" && fingerprint !== ""
    ? normalizeFingerprint(fingerprint)
    : undefined;
}
