import { env, exports } from "cloudflare:workers";

/** Redirect URI of the tests' client. Nothing listens there. */
export const REDIRECT_URI = "http://127.0.0.1:3999/callback";
/** The password of every user that `createPerson` creates. */
export const PASSWORD = "a long test password";

/** Its scrypt hash, as `hashPassword` of better-auth makes it: it takes a tenth of a second, which every file would spend. */
export const PASSWORD_HASH =
  "f53b5c39a269b729dabc189651546d7b:1416fc1c847b6e8d51292824ee88f3e004db12fb1e0547b4347b7338d333c281" +
  "695a614fc1fde704d2bc64318f7d78fc3148c6a2ec53e68fad6c1bc3e92c7804";

/** A test user with a password. */
export interface TestPerson {
  id: string;
  email: string;
  name: string;
  role: string;
}

/** Adds a user to the database who can sign in with {@link PASSWORD}. */
export async function createPerson(role: string, name = `${role} person`): Promise<TestPerson> {
  const id = crypto.randomUUID();
  const person = { id, email: `${id}@people.example`, name, role };
  const at = new Date().toISOString();
  await env.PLATFORM_DB.batch([
    env.PLATFORM_DB.prepare(
      `INSERT INTO "user" ("id", "name", "email", "createdAt", "updatedAt", "role") VALUES (?1, ?2, ?3, ?4, ?4, ?5)`,
    ).bind(id, name, person.email, at, role),
    env.PLATFORM_DB.prepare(
      `INSERT INTO "account" ("id", "accountId", "providerId", "userId", "password", "createdAt", "updatedAt")
       VALUES (?1, ?2, 'credential', ?2, ?3, ?4, ?4)`,
    ).bind(crypto.randomUUID(), id, PASSWORD_HASH, at),
  ]);
  return person;
}

/** A test browser: keeps cookies, sends forms with the origin a browser would send, follows no redirect. */
export class TestBrowser {
  readonly cookies = new Map<string, string>();
  /** Sent with every request, in addition to the browser's own. */
  headers: Record<string, string> = {};
  /** What answers; a test may put a Worker with other bindings here. */
  serve: (request: Request) => Response | Promise<Response> = (request) => exports.default.fetch(request);

  get(path: string): Promise<Response> {
    return this.#send(path, { method: "GET" });
  }

  post(path: string, fields: Record<string, string> | [string, string][]): Promise<Response> {
    return this.#send(path, {
      method: "POST",
      body: new URLSearchParams(fields),
      headers: { Origin: env.PUBLIC_URL, "Sec-Fetch-Site": "same-origin", ...this.headers },
    });
  }

  /** Sends a form with files. */
  upload(path: string, body: FormData): Promise<Response> {
    return this.#send(path, {
      method: "POST",
      body,
      headers: { Origin: env.PUBLIC_URL, "Sec-Fetch-Site": "same-origin", ...this.headers },
    });
  }

  async #send(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers({ Accept: "text/html", ...this.headers, ...(init.headers as object) });
    headers.set("Cookie", [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; "));
    const response = await this.serve(
      new Request(new URL(path, env.PUBLIC_URL), { ...init, headers, redirect: "manual" }),
    );
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/max-age=0/i.test(line)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return response;
  }
}

/** Signs in through the form. Throws when the sign-in fails. */
export async function signIn(person: Pick<TestPerson, "email">, password = PASSWORD): Promise<TestBrowser> {
  const browser = new TestBrowser();
  const response = await browser.post("/sign-in", { email: person.email, password });
  if (response.status !== 303) throw new Error(`Sign-in failed: ${response.status}`);
  return browser;
}

/** Registers a client without a secret (RFC 7591) and returns its id. */
export async function registerClient(metadata: Record<string, unknown> = {}): Promise<string> {
  const { client_id: id = "" } = await register({ token_endpoint_auth_method: "none", ...metadata });
  return id;
}

/** A client with a secret of its own. */
export interface ConfidentialClient {
  id: string;
  secret: string;
}

/** Registers a client that authenticates with HTTP Basic. */
export async function registerConfidentialClient(name: string): Promise<ConfidentialClient> {
  const asked = { client_name: name, token_endpoint_auth_method: "client_secret_basic" };
  const { client_id: id = "", client_secret: secret = "" } = await register(asked);
  return { id, secret };
}

async function register(metadata: Record<string, unknown>): Promise<Record<string, string>> {
  const response = await exports.default.fetch(new URL("/oauth/register", env.PUBLIC_URL), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ client_name: "Test client", redirect_uris: [REDIRECT_URI], ...metadata }),
  });
  if (!response.ok) throw new Error(`Registration failed: ${response.status} ${await response.text()}`);
  return await response.json();
}

/** A pending authorization request: the URL to open and the PKCE verifier. */
export interface PendingAuthorization {
  path: string;
  clientId: string;
  verifier: string;
  resource: string;
  state: string;
}

/** Builds an authorization request. `changes` replaces parameters; `undefined` removes one. */
export async function authorize(
  clientId: string,
  options: { resource?: string; scope?: string; changes?: Record<string, string | undefined> } = {},
): Promise<PendingAuthorization> {
  const verifier = crypto.randomUUID() + crypto.randomUUID();
  const resource = `${env.PUBLIC_URL}${options.resource ?? "/mcp"}`;
  const state = crypto.randomUUID();
  const parameters: Record<string, string | undefined> = {
    response_type: "code",
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    scope: options.scope,
    state,
    resource,
    code_challenge: await challengeOf(verifier),
    code_challenge_method: "S256",
    ...options.changes,
  };
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, value);
  return { path: `/authorize?${query}`, clientId, verifier, resource, state };
}

/** The consent form of a page: its handle, and the offered permissions with their ticks. */
export interface ConsentForm {
  handle: string;
  subject: string;
  offered: string[];
  ticked: string[];
  html: string;
}

/** Opens the consent page. Throws for another response. */
export async function openConsent(browser: TestBrowser, pending: PendingAuthorization): Promise<ConsentForm> {
  const response = await browser.get(pending.path);
  if (response.status !== 200)
    throw new Error(`No consent page: ${response.status} ${await response.text()}`);
  const html = await response.text();
  const boxes = html.match(/<input type="checkbox"[^>]*>/g) ?? [];
  const tagValue = (tag: string) => /value="([^"]*)"/.exec(tag)?.[1] ?? "";
  return {
    handle: /name="handle" value="([^"]+)"/.exec(html)?.[1] ?? "",
    subject: /name="subject" value="([^"]+)"/.exec(html)?.[1] ?? "",
    offered: boxes.map(tagValue),
    ticked: boxes.filter((tag) => /\bchecked\b/.test(tag)).map(tagValue),
    html,
  };
}

/** Sends the consent form. */
export function decide(
  browser: TestBrowser,
  pending: PendingAuthorization,
  form: ConsentForm,
  decision: "allow" | "deny",
  scopes: readonly string[] = form.ticked,
): Promise<Response> {
  return browser.post(pending.path, [
    ["handle", form.handle],
    ["subject", form.subject],
    ["decision", decision],
    ...scopes.map((scope): [string, string] => ["scope", scope]),
  ]);
}

/** Response of the token endpoint. */
export interface TokenAnswer {
  status: number;
  body: {
    access_token: string;
    refresh_token: string;
    scope: string;
    resource: string;
    expires_in: number;
    error?: string;
    error_description?: string;
  };
}

/** Sends one request to the token endpoint. */
export async function requestToken(fields: Record<string, string>): Promise<TokenAnswer> {
  const response = await exports.default.fetch(new URL("/oauth/token", env.PUBLIC_URL), {
    method: "POST",
    body: new URLSearchParams(fields),
  });
  return { status: response.status, body: await response.json() };
}

/** Exchanges the code of the redirect. */
export function exchangeCode(pending: PendingAuthorization, code: string): Promise<TokenAnswer> {
  return requestToken({
    grant_type: "authorization_code",
    code,
    client_id: pending.clientId,
    redirect_uri: REDIRECT_URI,
    code_verifier: pending.verifier,
    resource: pending.resource,
  });
}

/** A complete connection. */
export interface Connection {
  accessToken: string;
  refreshToken: string;
  scope: string[];
  clientId: string;
  browser: TestBrowser;
}

/**
 * The whole flow of a user and their client: registration, sign-in form, consent form, code, token.
 * `resource` is a path such as `/mcp/crm`; `tick` replaces the page's ticks.
 */
export async function connect(
  person: Pick<TestPerson, "email">,
  options: { resource?: string; scope?: string; tick?: readonly string[]; clientId?: string } = {},
  signedIn?: TestBrowser,
): Promise<Connection> {
  const clientId = options.clientId ?? (await registerClient());
  const browser = signedIn ?? (await signIn(person));
  const pending = await authorize(clientId, options);
  const form = await openConsent(browser, pending);
  const answer = await decide(browser, pending, form, "allow", options.tick ?? form.ticked);
  const location = new URL(answer.headers.get("Location") ?? "about:blank");
  if (location.searchParams.get("state") !== pending.state) throw new Error(`No code: ${answer.status}`);
  if (location.searchParams.get("iss") !== env.PUBLIC_URL) throw new Error("RFC 9207: wrong iss");
  const { status, body } = await exchangeCode(pending, location.searchParams.get("code") ?? "");
  if (status !== 200) throw new Error(`No token: ${status} ${JSON.stringify(body)}`);
  return {
    accessToken: body.access_token,
    refreshToken: body.refresh_token,
    scope: body.scope.split(" "),
    clientId,
    browser,
  };
}

/** Calls an MCP URL with a token; enough of a request to see whether the token is accepted. */
export function callMcp(path: string, accessToken?: string): Promise<Response> {
  return exports.default.fetch(new URL(path, env.PUBLIC_URL), {
    method: "POST",
    headers: {
      Host: new URL(env.PUBLIC_URL).host,
      "Content-Type": "application/json",
      Accept: "application/json, text/event-stream",
      ...(accessToken !== undefined && { Authorization: `Bearer ${accessToken}` }),
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "initialize",
      params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "test", version: "1" } },
    }),
  });
}

async function challengeOf(verifier: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return btoa(String.fromCharCode(...new Uint8Array(digest)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
