import type { OAuthAuthorizationServerOptions } from "@cloudflare/workers-oauth-provider";
import { logFailure } from "../../../shared/observe/log.ts";
import { policyInForce, roleMayHold } from "../../../shared/policy/current.ts";
import { FACTOR_TIME_UNKNOWN } from "../../../shared/policy/second-factor.ts";
import {
  type FactorRules,
  findVoucher,
  isOfAnother,
  type SignInRules,
  saysSecondFactor,
} from "../../../shared/policy/sign-in/sign-in.ts";
import { toDisplayText } from "../../../shared/text/display-text.ts";
import type { Person } from "../people.ts";
import { recordClientEvent } from "../record-event.ts";
import { type GrantMetadata, toGrantProps } from "./grant.ts";
import { findResource } from "./resources.ts";

type Options = NonNullable<OAuthAuthorizationServerOptions<Env>["enterpriseManagedAuthorization"]>;
type Internal = Parameters<NonNullable<OAuthAuthorizationServerOptions<Env>["onError"]>>[0]["internal"];
type MapClaims = Options["mapClaims"];
type Claims = Parameters<MapClaims>[0]["claims"];

/** Most characters of an app's name, and of a subject in the trail. */
const [NAME_LENGTH, SUBJECT_LENGTH] = [100, 300];
/** Milliseconds that a second factor of the issuer may be old, as for a sign-in there. */
const FACTOR_MS = 12 * 60 * 60_000;
/** Seconds that a removed key of an issuer may still count. */
const KEYS_SECONDS = 300;
/** In place of an address that cannot be read now. No host has such a name (RFC 2606 §2), so asking it fails. */
const NO_ADDRESS = "https://issuer-away.invalid/";

/** Whether the policy trusts an issuer to connect apps. */
export function acceptsIdJag(rules: SignInRules): boolean {
  return [...rules.providers.values()].some((one) => one.kind === "oidc" && one.id_jag === "accepted");
}

/**
 * Enterprise-managed authorization (the MCP extension): an app that authenticates gets a token for a person by an
 * assertion of their identity provider (ID-JAG), without a page. The library checks type, signature, issuer, audience,
 * client, resource, time and lifetime (five minutes), and that the assertion counts once. Here the policy decides whose
 * assertions count, and the identity with which the person has signed in decides who it is: never an e-mail address.
 */
export const idJagOptions: Options = {
  jwksCacheTtlSeconds: KEYS_SECONDS,
  async trustedIssuers({ iss, env }) {
    if (findVoucher((await policyInForce(env)).signIn, iss) === null) return null;
    const { ASSERTION_ALGORITHMS } = await import("../../../shared/auth/public-key.ts");
    const { findKeys } = await import("../service-tokens/issuer-keys.ts");
    // The library takes a failure here for an issuer that is not trusted. Keys that it holds count meanwhile.
    const jwksUri = await findKeys(iss).catch((failure: unknown) => {
      logFailure("id_jag_issuer_away", failure, { issuer: iss });
      return NO_ADDRESS;
    });
    return { issuer: iss, jwksUri, algorithms: [...ASSERTION_ALGORITHMS] };
  },
  async mapClaims({ claims, clientInfo, resource: url, requestedScope, request, env }) {
    const policy = await policyInForce(env);
    const voucher = findVoucher(policy.signIn, claims.iss);
    const resource = await findResource(env, url);
    const person = voucher && (await findVouched(env.PLATFORM_DB, claims));
    if (!voucher || !person || !resource || isOfAnother(policy.signIn, voucher.name, person.email))
      return null;
    const asked = requestedScope.length > 0 ? requestedScope : resource.baseline;
    const known = new Set(resource.servers.flatMap(({ scopes }) => Object.keys(scopes)));
    const scope = asked.filter((one) => known.has(one) && roleMayHold(policy, person.role, one));
    const mfaAt = readFactor(voucher.document.mfa, claims);
    const lacksFactor = policy.roles.get(person.role)?.mfaRequired && mfaAt === null;
    if (scope.length === 0 || lacksFactor) return null;
    const metadata: GrantMetadata = {
      clientName: toDisplayText(clientInfo.clientName ?? "", NAME_LENGTH) || "Unnamed app",
      clientDomain: null,
      redirectHost: "",
      connectedBy: voucher.document.title,
      namedResource: true,
    };
    const subject = toDisplayText(claims.sub, SUBJECT_LENGTH);
    const event = {
      type: "assertion",
      by: "id_jag",
      clientId: clientInfo.clientId,
      issuer: claims.iss,
      subject,
    } as const;
    await recordClientEvent(env, request, person.id, event);
    return { userId: person.id, scope, props: toGrantProps(person, mfaAt), metadata };
  },
};

/**
 * The answer when an assertion could not be checked because its issuer or our database is away: an app that got the
 * library's `invalid_grant` would give up. `undefined` for every other error.
 */
export function answerUnchecked({ category, reason }: Internal): Response | undefined {
  if (category !== "enterprise-managed-authorization") return undefined;
  if (reason !== "jwks_fetch_failed" && reason !== "mapper_threw") return undefined;
  return Response.json(
    {
      error: "temporarily_unavailable",
      error_description: "The assertion cannot be checked right now. Try again in a moment.",
    },
    { status: 503, headers: { "Retry-After": "5", "Cache-Control": "no-store" } },
  );
}

/** The active person who signs in with this identity. */
async function findVouched(database: D1Database, { iss, sub }: Claims): Promise<Person | null> {
  // One read for every person: an unknown one costs what one costs whose access has ended.
  return await database
    .prepare(
      `SELECT person."id", person."email", person."name", person."role" FROM federated_identity
         JOIN "user" AS person ON person."id" = user_id AND person."disabled" = 0
        WHERE issuer = ? AND subject = ?`,
    )
    .bind(iss, sub)
    .first<Person>();
}

/** When the person gave a second factor that the policy trusts, as far as the assertion says; `null` for none. */
function readFactor(rules: FactorRules | undefined, claims: Claims): number | null {
  if (!saysSecondFactor(rules, claims)) return null;
  const { auth_time: provenAt } = claims;
  if (provenAt === undefined) return FACTOR_TIME_UNKNOWN;
  const at = typeof provenAt === "number" ? provenAt * 1_000 : Number.NaN;
  return at <= Date.now() && Date.now() - at <= FACTOR_MS ? at : null;
}
