import * as oauth from "oauth4webapi";
import { log } from "../../../shared/observe/log.ts";
import { FACTOR_TIME_UNKNOWN } from "../../../shared/policy/second-factor.ts";
import { type ProviderDocument, saysSecondFactor } from "../../../shared/policy/sign-in/sign-in.ts";
import { askIssuer, waitForIssuer } from "./ask-issuer.ts";
import type { Attempt } from "./attempt.ts";
import { type FederatedIdentity, type Provider, SignInEnded } from "./identity.ts";
import { readEmail, readName } from "./read-claims.ts";

type OidcProvider = Provider<Extract<ProviderDocument, { kind: "oidc" }>>;

/** Milliseconds that metadata is used before it is read again, and that it serves while the issuer is away. */
const METADATA_MS = 10 * 60_000;
const STALE_METADATA_MS = 24 * 60 * 60_000;
/** Seconds since the person proved who they are, for a fresh sign-in: the way back takes some. */
const FRESH_SECONDS = 300;
/** Seconds that a second factor of the issuer may be old. */
const FACTOR_SECONDS = 12 * 60 * 60;
/** Seconds by which the issuer's clock may be behind. */
const CLOCK_SECONDS = 30;

const known = new Map<string, { server: oauth.AuthorizationServer; at: number }>();

/** The address at the issuer where the person signs in (OpenID Connect Core §3.1.2.1, RFC 7636). */
export async function startOidc(
  { document }: OidcProvider,
  { state, nonce, verifier, fresh }: Attempt,
  redirectUri: string,
): Promise<string> {
  const server = await discover(document.issuer);
  if (server.authorization_endpoint === undefined) throw away("has no authorization endpoint");
  const url = new URL(server.authorization_endpoint);
  const { acr } = document.mfa ?? {};
  const seconds = maxAgeOf(document, fresh);
  const parameters = {
    response_type: "code",
    client_id: document.client_id,
    redirect_uri: redirectUri,
    scope: ["openid", ...(document.scopes ?? ["profile", "email"])].join(" "),
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    ...(acr && { acr_values: acr.join(" ") }),
    ...(seconds !== undefined && { max_age: String(fresh ? 0 : seconds) }),
    ...(fresh && { prompt: "login" }),
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

/**
 * Turns the issuer's answer into an identity. Checks state and `iss` (RFC 9207), exchanges the code, and checks the ID
 * token: issuer, audience, time, nonce, age of the sign-in, and its signature with a key that the issuer publishes.
 */
export async function finishOidc(
  { document }: OidcProvider,
  { state, nonce, verifier, fresh }: Attempt,
  callback: URL,
  { redirectUri, secret }: { redirectUri: string; secret: string | null },
): Promise<FederatedIdentity> {
  const server = await discover(document.issuer);
  const client: oauth.Client = { client_id: document.client_id };
  const options = optionsFor(document.issuer);
  const answer = oauth.validateAuthResponse(server, client, callback, state);
  const response = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    authenticate(server, secret),
    answer,
    redirectUri,
    verifier,
    options,
  );
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, {
    expectedNonce: nonce,
    requireIdToken: true,
  });
  await oauth.validateApplicationLevelSignature(server, response, options);
  const signed = oauth.getValidatedIdTokenClaims(tokens);
  if (signed === undefined) throw new TypeError("The answer has no ID token.");
  requireAge(signed.auth_time, maxAgeOf(document, fresh));
  const claims = {
    ...(await readUserInfo(server, client, tokens.access_token, signed.sub, options)),
    ...signed,
  };
  const provenAt = signed.auth_time === undefined ? null : signed.auth_time * 1_000;
  return {
    issuer: document.issuer,
    subject: signed.sub,
    email: readEmail(claims.email),
    emailVerified: isVerified(claims.email_verified, document.email_verified),
    name: readName(claims.name),
    claims,
    provenAt,
    mfaAt: saysSecondFactor(document.mfa, signed) ? (provenAt ?? FACTOR_TIME_UNKNOWN) : null,
  };
}

/** Where the person ends the issuer's session (OpenID Connect RP-Initiated Logout); `null` if it offers none. */
export async function endSessionAt({ document }: OidcProvider, publicUrl: string): Promise<string | null> {
  const { end_session_endpoint: endpoint } = await discover(document.issuer);
  if (endpoint === undefined || URL.parse(endpoint) === null) return null;
  const url = new URL(endpoint);
  url.searchParams.set("client_id", document.client_id);
  url.searchParams.set("post_logout_redirect_uri", `${publicUrl}/sign-in`);
  return url.href;
}

/** Groups are often in the answer of the userinfo endpoint only; what the ID token says comes first. */
async function readUserInfo(
  server: oauth.AuthorizationServer,
  client: oauth.Client,
  accessToken: string,
  subject: string,
  options: ReturnType<typeof optionsFor>,
): Promise<Record<string, unknown>> {
  if (server.userinfo_endpoint === undefined) return {};
  const response = await oauth.userInfoRequest(server, client, accessToken, options);
  return await oauth.processUserInfoResponse(server, client, subject, response);
}

/** The issuer's metadata. While the issuer is away, what it said within the last day. */
async function discover(issuer: string): Promise<oauth.AuthorizationServer> {
  const now = Date.now();
  const kept = known.get(issuer);
  if (kept && now - kept.at < METADATA_MS) return kept.server;
  const url = new URL(issuer);
  try {
    const response = await oauth.discoveryRequest(url, { ...optionsFor(issuer), algorithm: "oidc" });
    const server = await oauth.processDiscoveryResponse(url, response);
    // The library keeps the issuer's keys with this object, and reads them again when one is missing.
    const found = kept && JSON.stringify(kept.server) === JSON.stringify(server) ? kept.server : server;
    known.set(issuer, { server: found, at: now });
    return found;
  } catch (failure) {
    if (kept && now - kept.at < STALE_METADATA_MS) {
      log("warn", "issuer_not_read", { issuer, error: String(failure) });
      return kept.server;
    }
    if (failure instanceof SignInEnded) throw failure;
    throw away("does not answer as it should", failure);
  }
}

/**
 * Refuses a sign-in that the issuer states to be older than what was asked for. Not every issuer states the time, though
 * `max_age` obliges it to: without it the sign-in counts, and nothing takes it for a fresh one.
 */
function requireAge(authTime: number | undefined, seconds: number | undefined): void {
  if (authTime === undefined || seconds === undefined) return;
  if (authTime + seconds + CLOCK_SECONDS < Date.now() / 1_000) {
    throw new TypeError("The issuer asked the person too long ago.");
  }
}

function maxAgeOf({ mfa }: OidcProvider["document"], fresh: boolean): number | undefined {
  if (fresh) return FRESH_SECONDS;
  return mfa === undefined ? undefined : FACTOR_SECONDS;
}

/** HTTP Basic, unless the issuer takes the form only; without a secret the client is public, and PKCE protects it. */
function authenticate(server: oauth.AuthorizationServer, secret: string | null): oauth.ClientAuth {
  if (secret === null) return oauth.None();
  const methods = server.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
  return methods.includes("client_secret_basic")
    ? oauth.ClientSecretBasic(secret)
    : oauth.ClientSecretPost(secret);
}

/** An explicit `false` is never overruled. */
function isVerified(claim: unknown, setting: "claim" | "always" = "claim"): boolean {
  if (claim === undefined || claim === null) return setting === "always";
  // Some issuers send texts.
  return claim === true || claim === "true";
}

function optionsFor(issuer: string) {
  return {
    [oauth.customFetch]: askIssuer,
    [oauth.allowInsecureRequests]: issuer.startsWith("http:"),
    signal: waitForIssuer,
  };
}

function away(what: string, cause?: unknown): SignInEnded {
  return new SignInEnded("away", `The system that signs you in ${what} right now.`, cause);
}
