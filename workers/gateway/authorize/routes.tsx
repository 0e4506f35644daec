import {
  AuthorizationError,
  type AuthRequest,
  authorizationErrorRedirect,
  CimdFetchError,
  type OAuthHelpers,
} from "@cloudflare/workers-oauth-provider";
import { type Context, Hono } from "hono";
import { log } from "../../../shared/observe/log.ts";
import { policyInForce } from "../../../shared/policy/current.ts";
import { toDisplayText } from "../../../shared/text/display-text.ts";
import { refuse } from "../failures.tsx";
import { withCanonicalResource } from "../grants/canonical-resource.ts";
import { limitVisitors } from "../limits/limit-address.ts";
import { withHostCookies, withKeepableCookies } from "../loopback-cookies.ts";
import { type GrantMetadata, toGrantProps } from "../oauth/grant.ts";
import { getOAuthServers } from "../oauth/oauth.ts";
import { describeDestination, isAcceptableRedirect } from "../oauth/redirects.ts";
import { findResource, type Resource } from "../oauth/resources.ts";
import type { Person } from "../people.ts";
import { readForm } from "../read-form.ts";
import { recordEvent } from "../record-event.ts";
import { missingToConnect, pathToFactor } from "../second-factor/requirement.ts";
import { CONSENT_POLICY } from "../security-headers.ts";
import { readSignIn, type SignIn } from "../sign-in/auth.ts";
import { ConsentPage, NAME_LENGTH } from "./consent-page.tsx";
import { listWithheld, mayGrant, offerScopes } from "./offer.ts";

type GatewayContext = Context<{ Bindings: Env }>;

/**
 * Visits of the consent page per address and minute. The page is public, and some visits fetch an app's
 * metadata from its own address.
 */
const VISITS_PER_MINUTE = 300;

/** `/authorize`: the authorization endpoint (RFC 6749 §3.1) with the consent page. */
export const authorizeRoutes = new Hono<{ Bindings: Env }>();

authorizeRoutes.use(
  "/authorize",
  limitVisitors({ what: "authorize", limit: VISITS_PER_MINUTE, windowMs: 60_000 }),
);

authorizeRoutes.get("/authorize", (c) => answerAuthorizationErrors(c, () => showConsent(c, 200)));

authorizeRoutes.post("/authorize", (c) =>
  answerAuthorizationErrors(c, async () => {
    const form = await readForm(c.req.raw);
    const signIn = await readSignIn(c.env, c.req.raw.headers);
    if (signIn === null) return toSignIn(c);
    const { person } = signIn;
    if (form.get("subject") !== person.id) {
      return await askAgain(c, "Another person signed in on this browser in the meantime.");
    }
    const oauth = (await getOAuthServers(c.env)).authorizationServer.getOAuthApi(c.env);
    const handle = form.get("handle") ?? "";
    if (form.get("decision") !== "allow") {
      const denied = await oauth.denyConsent(withHostCookies(c.req.raw), handle);
      await recordConsent(c, person, denied.request, null);
      return redirectWith(denied.headers, denied.redirectTo, c.req.url);
    }
    const scopes = [...new Set(form.getAll("scope"))];
    if (scopes.length === 0)
      return await showConsent(c, 422, "Tick at least one permission, or choose Deny.");
    return await grant(c, oauth, signIn, handle, scopes);
  }),
);

/** The library's most frequent refusals in words for people; others are shown unchanged. */
const EXPLANATIONS: Readonly<Record<string, string>> = {
  "Invalid client_id": "Gatehouse does not know this app. Its registration may have ended.",
};

/** The library's message both for an unregistered redirect address and for one it never allows. */
const INVALID_REDIRECT = "Invalid redirect URI";

const NEVER_SENT = "The app wants access sent to an address to which Gatehouse never sends access.";

function explainRedirect(redirect: string): string {
  if (redirect === "") return "The app does not say where access is to be sent.";
  return isAcceptableRedirect(redirect, true)
    ? "The app wants access sent to an address that is not registered for it."
    : NEVER_SENT;
}

/** Whether a client id is the address of a Client ID Metadata Document. */
function isDocumentUrl(clientId: string): boolean {
  return clientId.startsWith("https://");
}

/** Validates the request, redirects to sign-in if necessary, and shows the page. */
async function showConsent(c: GatewayContext, status: 200 | 422, error?: string): Promise<Response> {
  const oauth = (await getOAuthServers(c.env)).authorizationServer.getOAuthApi(c.env);
  const request = await oauth.parseAuthRequest(withCanonicalResource(c.req.raw));
  // Registration checks redirect addresses, but a metadata document may contain any.
  if (isDocumentUrl(request.clientId) && !isAcceptableRedirect(request.redirectUri)) {
    return await askAgain(c, NEVER_SENT);
  }
  // OAuth 2.1 §4.1.1 requires PKCE of every client; the library requires it of public clients only.
  if (request.codeChallenge === undefined) {
    return c.redirect(
      authorizationErrorRedirect(request, "invalid_request", "PKCE with S256 is required"),
      302,
    );
  }
  const resource = await requireResource(c.env, request);
  const signIn = await readSignIn(c.env, c.req.raw.headers);
  if (signIn === null) return toSignIn(c);
  const { person } = signIn;
  const policy = await policyInForce(c.env);
  const missing = missingToConnect(policy, signIn, Date.now());
  if (missing !== null) return c.redirect(pathToFactor(missing, pathOf(c)), 303);

  const client = await oauth.describeConsent(request);
  const consent = await oauth.beginConsent(request);
  const headers = withKeepableCookies(consent.headers, c.req.url);
  headers.append("Content-Security-Policy", CONSENT_POLICY);
  headers.set("Content-Type", "text/html; charset=utf-8");
  const page = (
    <ConsentPage
      client={client}
      resource={resource}
      person={person}
      offers={offerScopes(policy, resource, person.role, request.scope)}
      withheld={listWithheld(policy, resource, person.role, request.scope)}
      handle={consent.handle}
      here={pathOf(c)}
      contact={policy.signIn.contact}
      {...(error !== undefined && { error })}
    />
  );
  return new Response(await page.toString(), { status, headers });
}

/** Turns the ticked permissions into a grant. Role and resource decide again; the form is untrusted. */
async function grant(
  c: GatewayContext,
  oauth: OAuthHelpers,
  signIn: SignIn,
  handle: string,
  scopes: string[],
): Promise<Response> {
  const { person, mfaAt } = signIn;
  const policy = await policyInForce(c.env);
  const missing = missingToConnect(policy, signIn, Date.now());
  if (missing !== null) return c.redirect(pathToFactor(missing, pathOf(c)), 303);
  const approved = await oauth.approveConsent(withHostCookies(c.req.raw), handle, { scope: scopes });
  const resource = await requireResource(c.env, approved.request);
  if (!mayGrant(policy, resource, person.role, scopes)) {
    return await refuse(c, {
      status: 403,
      code: "forbidden",
      title: "This cannot be granted",
      message: `Your role (${person.role}) or this server does not include one of the ticked permissions.`,
      action: "Start again and tick only what the page offers.",
      link: { href: pathOf(c), label: "Start again" },
    });
  }
  const client = await oauth.describeConsent(approved.request);
  const metadata: GrantMetadata = {
    clientName: toDisplayText(client.clientName, NAME_LENGTH) || "Unnamed app",
    clientDomain: client.clientDomain ?? null,
    redirectHost: describeDestination(client.redirectUri),
    namedResource: Boolean(c.req.query("resource")),
  };
  const { redirectTo } = await oauth.completeAuthorization({
    request: approved.request,
    userId: person.id,
    metadata,
    scope: scopes,
    props: toGrantProps(person, mfaAt),
    // A user may use the same app on two machines: both stay connected until revoked.
    revokeExistingGrants: false,
  });
  await recordConsent(c, person, approved.request, scopes);
  return redirectWith(approved.headers, redirectTo, c.req.url);
}

/** Records a decision on the consent page; `scopes` is `null` for a refusal. */
async function recordConsent(
  c: GatewayContext,
  person: Person,
  request: AuthRequest,
  scopes: string[] | null,
): Promise<void> {
  await recordEvent(c, person.id, {
    type: "consent",
    given: scopes !== null,
    clientId: request.clientId,
    resource: (await requireResource(c.env, request)).url,
    scopes: scopes ?? [],
  });
}

/**
 * Sends an error to the client only if the library has validated the client and its exact redirect address
 * (RFC 6749 §4.1.2.1); all other errors are shown here.
 */
async function answerAuthorizationErrors(c: GatewayContext, run: () => Promise<Response>): Promise<Response> {
  try {
    return await run();
  } catch (failure) {
    if (failure instanceof AuthorizationError) {
      if (failure.redirectTo !== undefined) return c.redirect(failure.redirectTo, 302);
      const text =
        failure.description === INVALID_REDIRECT
          ? explainRedirect(c.req.query("redirect_uri") ?? "")
          : (EXPLANATIONS[failure.description] ?? `${failure.description}.`);
      return await askAgain(c, text);
    }
    if (failure instanceof CimdFetchError) {
      log("warn", "client_metadata_refused", { reason: failure.reason });
      return await askAgain(c, "The app's metadata document could not be fetched or is not valid.");
    }
    throw failure;
  }
}

async function askAgain(c: GatewayContext, message: string): Promise<Response> {
  return await refuse(c, {
    status: 400,
    code: "invalid_input",
    title: "This app cannot be connected",
    message,
    action: "Close this page and start connecting again from the app.",
    // After an expired form the page can be shown again: its address contains the whole request, which is
    // validated again.
    ...(c.req.method === "POST" && { link: { href: pathOf(c), label: "Show the page again" } }),
  });
}

async function requireResource(env: Env, request: AuthRequest): Promise<Resource> {
  const resource = await findResource(env, request.resource);
  if (resource === undefined) throw new Error("The OAuth library let an unregistered resource pass.");
  return resource;
}

function redirectWith(headers: Headers, location: string, url: string): Response {
  const answer = withKeepableCookies(headers, url);
  answer.set("Location", location);
  return new Response(null, { status: 303, headers: answer });
}

function toSignIn(c: GatewayContext): Response {
  return c.redirect(`/sign-in?next=${encodeURIComponent(pathOf(c))}`, 303);
}

function pathOf(c: GatewayContext): string {
  const url = new URL(c.req.url);
  return `${url.pathname}${url.search}`;
}
