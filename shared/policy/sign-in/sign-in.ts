import { z } from "zod";
import { ADMINISTRATOR } from "../../call/tool-error.ts";
import { type Claims, claimsSchema, readClaim, claimValues as values } from "./claims.ts";
import { type TrustedIssuer, workloadsSection } from "./workloads.ts";

/** Claims that Gatehouse derives itself: a rule may name them as it names those of the issuer. */
const EMAIL_DOMAIN = "email_domain";

const issuerUrl = z
  .string()
  .max(500)
  .refine(isIssuer, "must be an https address without query and fragment, as the issuer writes it");

const roleRule = z.strictObject({
  role: z.string().min(1).max(64).describe("The role that the person gets."),
  when: claimsSchema.describe(
    "Claims by name, each with the values of which the person must have one. All claims must fit. `email_domain` is the domain of a verified e-mail address.",
  ),
});

const mfa = z
  .strictObject({
    amr: values
      .optional()
      .describe("Values of `amr` (RFC 8176) of which one says that a second factor was used."),
    acr: values.optional().describe("Values of `acr` that say so."),
  })
  .refine(({ amr, acr }) => (amr ?? acr) !== undefined, "must name values of `amr` or `acr`")
  .describe("When a sign-in there counts as second factor here. Never, when left out.");

const common = {
  title: z.string().trim().min(1).max(60).describe("Name on the button: «Continue with …»."),
  roles: z
    .array(roleRule)
    .min(1)
    .max(500)
    .describe("The first rule that fits gives the role, at every sign-in. Who fits none has no account."),
};

const domains = z
  .array(
    z
      .string()
      .regex(/^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/, "must be a domain in lower case"),
  )
  .max(500)
  .optional()
  .describe(
    "E-mail domains whose people sign in here, and not with a password. An account that was added by hand with such an address belongs to this sign-in.",
  );

const secretExpires = z.iso
  .date()
  .optional()
  .describe(
    "The day at which the issuer ends the client secret: the alert `expiring_credential` tells before it.",
  );

const oidc = z.strictObject({
  kind: z.literal("oidc"),
  ...common,
  domains,
  issuer: issuerUrl.describe("The issuer, whose metadata is below `/.well-known/openid-configuration`."),
  client_id: z.string().min(1).max(500),
  secret_expires: secretExpires,
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/, "must be a scope"))
    .max(50)
    .optional()
    .describe("Scopes to ask for besides `openid`. Default: profile, email."),
  id_jag: z
    .enum(["refused", "accepted"])
    .optional()
    .describe(
      "`accepted`: apps that this issuer vouches for (ID-JAG) connect for people who have signed in here with it, without their consent on a page. Default: refused.",
    ),
  email_verified: z
    .enum(["claim", "always"])
    .optional()
    .describe(
      "`always` for an issuer that sends no `email_verified` and whose administrators alone set addresses. Default: claim.",
    ),
  mfa: mfa.optional(),
});

const github = z.strictObject({
  kind: z.literal("github"),
  ...common,
  domains,
  client_id: z.string().min(1).max(500),
  secret_expires: secretExpires,
  url: issuerUrl.optional().describe("A GitHub Enterprise Server. Default: https://github.com."),
});

const access = z.strictObject({
  kind: z.literal("access"),
  ...common,
  domains,
  team: issuerUrl.describe("The team's address: https://<team>.cloudflareaccess.com."),
  audience: z.string().min(1).max(200).describe("The application's audience tag (AUD)."),
  mfa: mfa.optional(),
});

/** A way to sign in that another system vouches for, as the policy writes it. */
const providerSection = z.discriminatedUnion("kind", [oidc, github, access]);

/** Section `sign_in` of a policy. */
export const signInSection = z
  .strictObject({
    password: z
      .enum(["allowed", "refused"])
      .optional()
      .describe("`refused`: people sign in with a provider or a passkey only. Default: allowed."),
    contact: z
      .string()
      .trim()
      .min(1)
      .max(120)
      .regex(/^[^\p{Cc}<>]+$/u, "must be one line")
      .optional()
      .describe(
        "Whom people ask for an account or a permission, as it continues «Ask»: `Ada Lovelace (ada@example.com)`. Default: an administrator.",
      ),
    providers: z
      .record(
        z.string().regex(/^[a-z][a-z0-9]{0,30}$/, "must be one lower-case word of letters and digits"),
        providerSection,
      )
      .optional()
      .describe("Single sign-on, by a name that is part of its addresses. Its secret is SSO_<NAME>_SECRET."),
    workloads: workloadsSection.optional(),
    provisioning: z
      .strictObject({ roles: common.roles })
      .optional()
      .describe(
        "Roles of people who are provisioned through SCIM, by `groups` (names of their groups) and `email_domain`. Their role comes from here, whatever a provider says.",
      ),
  })
  .superRefine(({ password, providers = {}, workloads = {} }, context) => {
    if (password === "refused" && Object.keys(providers).length === 0) {
      context.addIssue({ code: "custom", path: ["password"], message: "needs a provider to sign in with" });
    }
    const owners = new Map<string, string>();
    const issuers = new Map<string, string>();
    const named = [
      ...Object.entries(providers).map(
        ([name, provider]) => ["providers", name, issuerOf(provider)] as const,
      ),
      // A token about a person must never count as one of a workload.
      ...Object.entries(workloads).map(([name, { issuer }]) => ["workloads", name, issuer] as const),
    ];
    for (const [section, name, issuer] of named) {
      const other = issuers.get(issuer);
      if (other !== undefined) {
        const message = `has the issuer of "${other}"; one issuer is one provider`;
        context.addIssue({ code: "custom", path: [section, name], message });
      }
      issuers.set(issuer, name);
    }
    for (const [name, provider] of Object.entries(providers)) {
      for (const [index, domain] of (provider.domains ?? []).entries()) {
        const owner = owners.get(domain);
        if (owner !== undefined) {
          const message = `"${domain}" belongs to "${owner}" already`;
          context.addIssue({ code: "custom", path: ["providers", name, "domains", index], message });
        }
        owners.set(domain, name);
      }
    }
  })
  .describe("How people sign in. With e-mail address and password, when left out.");

/** {@link signInSection}, parsed. */
export type SignInDocument = z.output<typeof signInSection>;
/** One provider of {@link SignInDocument}. */
export type ProviderDocument = z.output<typeof providerSection>;
type OidcDocument = Extract<ProviderDocument, { kind: "oidc" }>;
/** When a sign-in elsewhere counts as second factor. */
export type FactorRules = NonNullable<z.output<typeof mfa>>;
/** How people sign in, compiled. */
export interface SignInRules {
  passwordAllowed: boolean;
  /** Whom people ask; continues «Ask …». */
  contact: string;
  providers: ReadonlyMap<string, ProviderDocument>;
  /** Name of the provider of an e-mail domain. */
  domains: ReadonlyMap<string, string>;
  /** Rules for people who are provisioned. */
  provisioning: Pick<ProviderDocument, "roles">;
  /** Issuers of tokens of workloads, by their issuer. */
  workloads: ReadonlyMap<string, TrustedIssuer>;
}

/** Compiles the section; `undefined` is a policy without one. */
export function compileSignIn(section: SignInDocument | undefined): SignInRules {
  const providers = Object.entries(section?.providers ?? {});
  return {
    passwordAllowed: section?.password !== "refused",
    contact: section?.contact ?? ADMINISTRATOR,
    providers: new Map(providers),
    provisioning: section?.provisioning ?? { roles: [] },
    workloads: new Map(Object.values(section?.workloads ?? {}).map((trusted) => [trusted.issuer, trusted])),
    domains: new Map(
      providers.flatMap(([name, { domains: own = [] }]) =>
        own.map((domain): [string, string] => [domain, name]),
      ),
    ),
  };
}

/** The issuer of a provider: together with its subject it names a person, whatever the provider is called. */
export function issuerOf(provider: ProviderDocument): string {
  switch (provider.kind) {
    case "oidc":
      return provider.issuer;
    case "github":
      return provider.url ?? "https://github.com";
    case "access":
      return provider.team;
  }
}

/** The domain of an e-mail address, in lower case. */
export function domainOf(email: string): string {
  return email.slice(email.lastIndexOf("@") + 1).toLowerCase();
}

/** The provider of an e-mail address: its people sign in there. `null` for every other address. */
export function providerOfEmail(rules: SignInRules, email: string): string | null {
  return email.includes("@") ? (rules.domains.get(domainOf(email)) ?? null) : null;
}

/** Whether an e-mail address is in a domain that another provider signs in. */
export function isOfAnother(rules: SignInRules, provider: string, email: string): boolean {
  const owner = providerOfEmail(rules, email);
  return owner !== null && owner !== provider;
}

/** The provider whose apps connect by its word (ID-JAG), by its issuer; `null` for every other issuer. */
export function findVoucher(
  rules: SignInRules,
  issuer: string,
): { name: string; document: OidcDocument } | null {
  for (const [name, document] of rules.providers) {
    const accepted = document.kind === "oidc" && document.id_jag === "accepted";
    if (accepted && document.issuer === issuer) return { name, document };
  }
  return null;
}

/**
 * The role that the first fitting rule gives; `null` if none fits.
 *
 * @param verifiedEmail - the address, if the issuer says that it is this person's
 */
export function findRole(
  { roles }: Pick<ProviderDocument, "roles">,
  claims: Claims,
  verifiedEmail: string | null,
): string | null {
  const own = { [EMAIL_DOMAIN]: verifiedEmail === null ? [] : [domainOf(verifiedEmail)] };
  const fits = (path: string, wanted: readonly string[]) =>
    (path === EMAIL_DOMAIN ? own[EMAIL_DOMAIN] : readClaim(claims, path)).some((value) =>
      wanted.includes(value),
    );
  return (
    roles.find(({ when }) => Object.entries(when).every(([path, wanted]) => fits(path, wanted)))?.role ?? null
  );
}

/** Whether the issuer says that a second factor was used, in a way that the policy trusts. */
export function saysSecondFactor(rules: FactorRules | undefined, claims: Claims): boolean {
  const says = (wanted: readonly string[] | undefined, claim: string) =>
    wanted !== undefined && readClaim(claims, claim).some((value) => wanted.includes(value));
  return rules !== undefined && (says(rules.amr, "amr") || says(rules.acr, "acr"));
}

/** Plain http serves issuers on this machine, which a deployed Worker cannot reach. */
function isIssuer(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || text.includes("?") || text.includes("#") || url.username !== "" || text.endsWith("//"))
    return false;
  return (
    url.protocol === "https:" ||
    (url.protocol === "http:" && /^(?:localhost|127\.0\.0\.1)$/.test(url.hostname))
  );
}
