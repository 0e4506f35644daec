import { env, exports } from "cloudflare:workers";
import type { OAuthHelpers } from "@cloudflare/workers-oauth-provider";
import { keptBy } from "../../workers/gateway/admin-jobs/erase-person.ts";
import { getOAuthServers } from "../../workers/gateway/oauth/oauth.ts";

/** Redirect URI of the tests' client. Nothing listens there. */
const REDIRECT_URI = "http://127.0.0.1:3999/callback";

/** A test user. The id is the name, so that failures are readable. */
export interface TestPerson {
  name: string;
  role: string;
}

/** Adds a user to the database, or changes the role of an existing one. Returns the id. */
export async function addPerson({ name, role }: TestPerson): Promise<string> {
  const now = new Date().toISOString();
  const id = `user_${name}`;
  await env.PLATFORM_DB.prepare(
    `INSERT INTO "user" (id, name, email, "createdAt", "updatedAt", role) VALUES (?1, ?2, ?3, ?4, ?4, ?5)
     ON CONFLICT (id) DO UPDATE SET role = ?5`,
  )
    .bind(id, name, `${name}@people.example`, now, role)
    .run();
  // As after every change of a user: their object reads the database again.
  await keptBy(env, id).forgetPerson();
  return id;
}

/**
 * Issues a real access token for one MCP URL, without the pages: the authorization is completed by the
 * library, the code is exchanged at the token endpoint. A new client each time, unless `clientId` names an
 * earlier one.
 */
export async function issueToken(
  options: TestPerson & { server: string; scopes: readonly string[]; clientId?: string },
): Promise<{ accessToken: string; clientId: string }> {
  const userId = await addPerson(options);
  const api = (await getOAuthServers(env)).authorizationServer.getOAuthApi(env);
  const clientId = options.clientId ?? (await createClient(api));
  const verifier = crypto.randomUUID() + crypto.randomUUID();
  const resource = mcpUrl(options.server);
  const authorize = new URL("/authorize", env.PUBLIC_URL);
  authorize.search = new URLSearchParams({
    response_type: "code",
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    scope: options.scopes.join(" "),
    resource,
    code_challenge: await challengeOf(verifier),
    code_challenge_method: "S256",
  }).toString();
  const request = await api.parseAuthRequest(new Request(authorize));
  const props = { userId, email: `${options.name}@people.example`, name: options.name, role: options.role };
  const { redirectTo } = await api.completeAuthorization({
    request,
    userId,
    metadata: {},
    scope: [...options.scopes],
    props,
  });
  const response = await exports.default.fetch(new URL("/oauth/token", env.PUBLIC_URL), {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      code: new URL(redirectTo).searchParams.get("code") ?? "",
      client_id: clientId,
      redirect_uri: REDIRECT_URI,
      code_verifier: verifier,
      resource,
    }),
  });
  if (!response.ok) throw new Error(`No token: ${response.status} ${await response.text()}`);
  const { access_token } = await response.json<{ access_token: string }>();
  return { accessToken: access_token, clientId };
}

/** The URL of one server, or of all servers for `""`. */
export function mcpUrl(server: string): string {
  return `${env.PUBLIC_URL}/mcp${server === "" ? "" : `/${server}`}`;
}

async function createClient(api: OAuthHelpers): Promise<string> {
  const client = await api.createClient({
    clientName: "Test client",
    redirectUris: [REDIRECT_URI],
    tokenEndpointAuthMethod: "none",
  });
  return client.clientId;
}

async function challengeOf(verifier: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return btoa(String.fromCharCode(...new Uint8Array(digest)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
