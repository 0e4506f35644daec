import { createRemoteJWKSet, customFetch, errors, jwtVerify } from "jose";
import { FACTOR_TIME_UNKNOWN } from "../../../shared/policy/second-factor.ts";
import { type Claims, readClaim } from "../../../shared/policy/sign-in/claims.ts";
import { type ProviderDocument, saysSecondFactor } from "../../../shared/policy/sign-in/sign-in.ts";
import { askIssuer } from "./ask-issuer.ts";
import { type FederatedIdentity, type Provider, SignInEnded } from "./identity.ts";
import { readEmail, readName } from "./read-claims.ts";

type AccessProvider = Provider<Extract<ProviderDocument, { kind: "access" }>>;

/** The header in which Cloudflare Access vouches for a person. */
export const ACCESS_HEADER = "Cf-Access-Jwt-Assertion";
/** Most characters of its token. */
const TOKEN_LENGTH = 16 * 1024;

/** Keys by team. The library reads them again when a token names one that is missing. */
const keys = new Map<string, ReturnType<typeof createRemoteJWKSet>>();

/**
 * The person whom Cloudflare Access let through: checks the token's signature with a key of the team, its issuer,
 * audience and time.
 */
export async function readAccess({ document }: AccessProvider, headers: Headers): Promise<FederatedIdentity> {
  const token = headers.get(ACCESS_HEADER) ?? "";
  if (token === "" || token.length > TOKEN_LENGTH) {
    throw new SignInEnded("again", "This request did not come through Cloudflare Access.");
  }
  const claims = await verify(document, token);
  const { sub, email } = claims;
  // A service token has no subject: it is no person.
  if (typeof sub !== "string" || sub === "") {
    throw new SignInEnded("refused", "Cloudflare Access let a service through, and no person.");
  }
  const flat: Claims = { ...claims, amr: [...readClaim(claims, "amr"), ...readClaim(claims, "custom.amr")] };
  return {
    issuer: document.team,
    subject: sub,
    email: readEmail(email),
    // Access knows people by the address that their identity provider has confirmed.
    emailVerified: true,
    name: readName(claims.name) ?? readName(readClaim(claims, "custom.name")[0]),
    claims,
    provenAt: null,
    // `iat` is the time of this token, which Access renews through its whole session without asking the person.
    mfaAt: saysSecondFactor(document.mfa, flat) ? FACTOR_TIME_UNKNOWN : null,
  };
}

async function verify({ team, audience }: AccessProvider["document"], token: string) {
  try {
    const { payload } = await jwtVerify(token, keysOf(team), {
      issuer: team,
      audience,
      algorithms: ["RS256", "ES256"],
      requiredClaims: ["exp", "iat"],
      clockTolerance: 30,
    });
    return payload;
  } catch (failure) {
    if (failure instanceof SignInEnded) throw failure;
    if (failure instanceof errors.JOSEError && !(failure instanceof errors.JWKSTimeout)) {
      throw new SignInEnded("again", "Cloudflare Access did not vouch for this request.", failure);
    }
    throw new SignInEnded("away", "The keys of Cloudflare Access cannot be read right now.", failure);
  }
}

function keysOf(team: string) {
  let set = keys.get(team);
  if (set === undefined) {
    const url = new URL("/cdn-cgi/access/certs", team);
    set = createRemoteJWKSet(url, {
      [customFetch]: askIssuer,
      cooldownDuration: 1_000,
      timeoutDuration: 5_000,
    });
    keys.set(team, set);
  }
  return set;
}
