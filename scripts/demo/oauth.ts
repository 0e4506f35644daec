import { createHash, randomBytes } from "node:crypto";
import { type Browser, findForm, type Page, type Redirect, readText } from "./browser.ts";

/** Token issuer of an MCP URL. */
export interface Discovery {
  /** The exact resource a token must be for (RFC 8707), such as `http://localhost:8787/mcp/crm`. */
  resource: string;
  scopes: string[];
  issuer: string;
  authorizationEndpoint: string;
  tokenEndpoint: string;
  registrationEndpoint: string;
}

/** A user's credentials. */
export interface Account {
  email: string;
  password: string;
}

/** An access token with its scopes. */
export interface Token {
  accessToken: string;
  /** Seconds. */
  expiresIn: number;
  scope: string;
}

/**
 * A native app listens on a loopback port for the code (RFC 8252 §7.3). This demo also plays the browser, so
 * it reads the code from the last redirect without listening.
 */
const REDIRECT_URI = "http://127.0.0.1:33418/callback";

/**
 * Step 1. A call without a token is refused with 401, and the response refers to the metadata: of the
 * resource (RFC 9728), and from there of the server that issues its tokens (RFC 8414).
 */
export async function discover(mcpUrl: string): Promise<{ challenge: string; discovery: Discovery }> {
  const refusal = await fetch(mcpUrl, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json, text/event-stream" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" }),
  });
  await refusal.body?.cancel();
  const challenge = refusal.headers.get("WWW-Authenticate") ?? "";
  const [, metadataUrl] = /resource_metadata="([^"]+)"/.exec(challenge) ?? [];
  if (refusal.status !== 401 || metadataUrl === undefined) {
    throw new Error(`${mcpUrl} answered ${refusal.status} where a 401 with resource_metadata was expected.`);
  }
  const resource = await fetchJson<{
    resource: string;
    scopes_supported: string[];
    authorization_servers: [string];
  }>(metadataUrl);
  if (resource.resource !== mcpUrl)
    throw new Error(`The metadata is about ${resource.resource}, not ${mcpUrl}.`);
  const issuer = resource.authorization_servers[0];
  const server = await fetchJson<Record<string, string>>(
    new URL("/.well-known/oauth-authorization-server", issuer).href,
  );
  const endpoint = (name: string) => {
    const url = server[name];
    if (url === undefined) throw new Error(`The authorization server names no ${name}.`);
    return url;
  };
  return {
    challenge,
    discovery: {
      resource: resource.resource,
      scopes: resource.scopes_supported,
      issuer: endpoint("issuer"),
      authorizationEndpoint: endpoint("authorization_endpoint"),
      tokenEndpoint: endpoint("token_endpoint"),
      registrationEndpoint: endpoint("registration_endpoint"),
    },
  };
}

/** Step 2. Registers this app as a public client (RFC 7591) and returns its client id. Once for all URLs. */
export async function registerClient(
  { registrationEndpoint }: Discovery,
  name: string,
  redirectUri = REDIRECT_URI,
): Promise<string> {
  const { client_id } = await fetchJson<{ client_id: string }>(registrationEndpoint, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      client_name: name,
      redirect_uris: [redirectUri],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
    }),
  });
  return client_id;
}

/**
 * Steps 3 to 5. Sends the user's browser to the authorization endpoint with a PKCE challenge (RFC 7636),
 * signs in if required, allows everything on the consent page, and exchanges the code for a token for one
 * resource.
 */
export async function authorize(
  discovery: Discovery,
  clientId: string,
  browser: Browser,
  account: Account,
  say: (text: string) => void,
): Promise<Token> {
  const verifier = randomBytes(32).toString("base64url");
  const state = randomBytes(16).toString("base64url");
  const request = new URL(discovery.authorizationEndpoint);
  request.search = new URLSearchParams({
    response_type: "code",
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    scope: discovery.scopes.join(" "),
    resource: discovery.resource,
    state,
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
  }).toString();

  const callback = await giveConsent(request.href, browser, account, say);
  const code = callback.searchParams.get("code");
  if (!callback.href.startsWith(REDIRECT_URI) || code === null) throw new Error(`No code: ${callback.href}`);
  // The response must belong to our request, and come from the server that we asked (RFC 9207).
  if (callback.searchParams.get("state") !== state) throw new Error("The state came back changed.");
  if (callback.searchParams.get("iss") !== discovery.issuer)
    throw new Error("The code is from another issuer.");

  const token = await fetchJson<{ access_token: string; expires_in: number; scope: string }>(
    discovery.tokenEndpoint,
    {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "authorization_code",
        code,
        code_verifier: verifier,
        client_id: clientId,
        redirect_uri: REDIRECT_URI,
        resource: discovery.resource,
      }),
    },
  );
  return { accessToken: token.access_token, expiresIn: token.expires_in, scope: token.scope };
}

/** Signs in if required, allows everything on the consent page, and returns the redirect. */
export async function giveConsent(
  url: string,
  browser: Browser,
  account: Account,
  say: (text: string) => void,
): Promise<URL> {
  const consentPage = await reachConsent(url, browser, account, say);
  const consent = findForm(consentPage, "handle");
  const ticked = consent.boxes.map(({ name, value }) => [name, value] as const);
  say(`consent page offers ${ticked.map(([, scope]) => scope).join(", ")}: tick all, Allow`);
  const answer = await browser.send(consent, [...consent.fields, ...ticked, ["decision", "allow"]]);
  if (!isRedirect(answer)) throw new Error(`The consent was not accepted: ${readText(answer)}`);
  return new URL(answer.location);
}

async function reachConsent(
  url: string,
  browser: Browser,
  account: Account,
  say: (text: string) => void,
): Promise<Page> {
  let answer = await browser.open(url);
  if (isRedirect(answer)) {
    const signInPage = await browser.open(answer.location);
    if (isRedirect(signInPage)) throw new Error(`Sign-in sent us on to ${signInPage.location}.`);
    const form = findForm(signInPage, "password");
    say(`sign-in form: ${account.email}`);
    const typed = form.fields.map(
      ([name, value]) => [name, account[name as keyof Account] ?? value] as const,
    );
    const signedIn = await browser.send(form, typed);
    if (!isRedirect(signedIn)) throw new Error(`Sign-in failed: ${readText(signedIn)}`);
    answer = await browser.open(signedIn.location);
  }
  if (isRedirect(answer)) throw new Error(`Expected the consent page, was sent to ${answer.location}.`);
  return answer;
}

function isRedirect(answer: Page | Redirect): answer is Redirect {
  return "location" in answer;
}

async function fetchJson<T>(url: string, init?: RequestInit): Promise<T> {
  const response = await fetch(url, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text.slice(0, 300)}`);
  return JSON.parse(text) as T;
}
