import { z } from "zod";
import { findAddressFault } from "../../upstream/outside-address.ts";
import { type Claims, claimsSchema, hasClaims } from "./claims.ts";

const publicUrl = z
  .string()
  .max(500)
  .refine(isPublic, "must be a public https address without query and fragment");

const rule = z.strictObject({
  account: z
    .string()
    .regex(/^key_[0-9a-f]{24}$/, "must be the id of a service account, as `npm run keys -- list` prints it")
    .describe("The service account that the workload gets a token of. It was made for workloads."),
  when: claimsSchema.describe(
    "Claims by name, each with the values of which the token must have one. All claims must fit.",
  ),
});

const trustedIssuer = z.strictObject({
  issuer: publicUrl.describe("The issuer, exactly as `iss` in its tokens."),
  keys: publicUrl
    .optional()
    .describe(
      "Where it publishes its keys (JWKS). Default: as its `/.well-known/openid-configuration` says.",
    ),
  reuse: z
    .enum(["once", "until_expiry"])
    .optional()
    .describe(
      "`until_expiry` for an issuer whose workloads send one token several times, such as Kubernetes. Default: once, by its `jti`.",
    ),
  rules: z
    .array(rule)
    .min(1)
    .max(500)
    .describe("The first rule that fits gives the account. Others get no token."),
});

/** Section `sign_in.workloads` of a policy. */
export const workloadsSection = z
  .record(
    z.string().regex(/^[a-z][a-z0-9]{0,30}$/, "must be one lower-case word of letters and digits"),
    trustedIssuer,
  )
  .describe(
    "Issuers whose workloads get tokens of service accounts (GitHub Actions, Kubernetes), by any name.",
  );

/** One issuer of the section. */
export type TrustedIssuer = z.output<typeof trustedIssuer>;

/** The service account of the first rule whose claims fit; `null` if none does. */
export function findWorkloadAccount({ rules }: Pick<TrustedIssuer, "rules">, claims: Claims): string | null {
  return rules.find(({ when }) => hasClaims(claims, when))?.account ?? null;
}

function isPublic(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.protocol !== "https:" || url.username !== "" || /[?#]/.test(text)) return false;
  return findAddressFault(url) === null;
}
