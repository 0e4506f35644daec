import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { ANONYMOUS_CHAIN } from "../../../shared/audit/record.ts";
import { isEncoded } from "../../../shared/mcp/http/content-headers.ts";
import { refuse } from "../failures.tsx";
import { withCanonicalForm } from "../grants/canonical-resource.ts";
import { limitPrograms } from "../limits/limit-address.ts";
import { requireOrigin } from "../mcp/origins.ts";
import { recordClientEvent } from "../record-event.ts";
import { JWT_BEARER, serviceGrantOf } from "../service-tokens/which-grant.ts";
import { getOAuthServers } from "./oauth.ts";
import { readRegistration } from "./registration.ts";

type GatewayContext = Context<{ Bindings: Env }>;

const RESOURCE_METADATA = "/.well-known/oauth-protected-resource";
/** Most bytes of an OAuth request's body. */
const MAX_OAUTH_BODY = 64 * 1024;
/** Registrations per address and hour. Generous, because hosted clients register from few addresses. */
const REGISTRATIONS_PER_HOUR = 300;

/** Token requests per address and minute: a company's hosted clients share few addresses. */
export const TOKEN_REQUESTS_PER_MINUTE = 1_200;

/** Routes for programs: discovery (RFC 8414, RFC 9728), tokens, registration (RFC 7591) and MCP itself. */
export const protocolRoutes = new Hono<{ Bindings: Env }>();

protocolRoutes.all("/.well-known/*", async (c) => {
  const servers = await getOAuthServers(c.env);
  const { path, request } = withoutSlash(c);
  if (path === "/.well-known/oauth-authorization-server") {
    return await servers.authorizationServer.fetch(request, c.env, contextOf(c));
  }
  const resource = path.startsWith(RESOURCE_METADATA) ? path.slice(RESOURCE_METADATA.length) : "";
  const resourceServer = servers.resourceServers.get(resource);
  if (resourceServer !== undefined) return await resourceServer.fetch(request, c.env, contextOf(c));
  return await answerUnknown(c, "Gatehouse publishes no such document.");
});

protocolRoutes.use(
  "/oauth/*",
  bodyLimit({
    maxSize: MAX_OAUTH_BODY,
    onError: (c) => c.json({ error: "invalid_request", error_description: "The request is too large" }, 413),
  }),
);

protocolRoutes.post(
  "/oauth/register",
  limitPrograms(
    { what: "register", limit: REGISTRATIONS_PER_HOUR, windowMs: 3_600_000 },
    "Too many registrations",
  ),
  async (c, next) => {
    await next();
    await recordRegistration(c);
  },
);

protocolRoutes.post(
  "/oauth/token",
  limitPrograms({ what: "token", limit: TOKEN_REQUESTS_PER_MINUTE, windowMs: 60_000 }, "Too many requests"),
);

protocolRoutes.post("/oauth/register", async (c) => {
  const { request, response } = await readRegistration(c.req.raw);
  if (response !== undefined) return readableAnywhere(response, c.req.header("Origin"));
  return await (await getOAuthServers(c.env)).authorizationServer.fetch(request, c.env, contextOf(c));
});

protocolRoutes.post("/oauth/token", async (c, next) => {
  if (isEncoded(c.req.raw.headers)) return await next();
  const request = await withCanonicalForm(c.req.raw);
  // Read as bytes: the platform warns about a form that is read as text.
  const form = new URLSearchParams(new TextDecoder().decode(await request.clone().arrayBuffer()));
  const grant = serviceGrantOf(form);
  if (grant === null) {
    await next();
    if (form.get("grant_type") === JWT_BEARER && c.res.status === 401) c.res = await tellAppsAlike(c.res);
    return;
  }
  const { serveServiceToken } = await import("../service-tokens/serve.ts");
  return readableAnywhere(await serveServiceToken(c.env, request, form, grant), c.req.header("Origin"));
});

protocolRoutes.all("/oauth/:endpoint{token|register}", async (c) => {
  if (isEncoded(c.req.raw.headers)) {
    const body = { error: "invalid_request", error_description: "Send the body without compression." };
    return readableAnywhere(Response.json(body, { status: 415 }), c.req.header("Origin"));
  }
  return await (await getOAuthServers(c.env)).authorizationServer.fetch(c.req.raw, c.env, contextOf(c));
});

protocolRoutes.use("/mcp/*", requireOrigin);

protocolRoutes.all("/mcp/*", async (c) => {
  const { path, request } = withoutSlash(c);
  const resourceServer = (await getOAuthServers(c.env)).resourceServers.get(path);
  if (resourceServer !== undefined) return await resourceServer.fetch(request, c.env, contextOf(c));
  return await answerUnknown(c, "There is no MCP server at this address.");
});

/** The request with the trailing slashes of its path removed. */
function withoutSlash(c: GatewayContext): { path: string; request: Request } {
  const path = c.req.path.replace(/(?<!\/)\/+$/, "");
  if (path === c.req.path) return { path, request: c.req.raw };
  const url = new URL(c.req.url);
  url.pathname = path;
  return { path, request: new Request(url, c.req.raw) };
}

/** One sentence for every app that an assertion about a person does not authenticate, known here or not. */
async function tellAppsAlike(response: Response): Promise<Response> {
  const { error } = await response.json<{ error: string }>();
  const body = { error, error_description: "The app is not authenticated" };
  return new Response(JSON.stringify(body), { status: 401, headers: response.headers });
}

/** Pages of every origin may read the OAuth endpoints, as with the library: no cookie counts there. */
function readableAnywhere(response: Response, origin: string | undefined): Response {
  if (origin === undefined) return response;
  response.headers.set("Access-Control-Allow-Origin", origin);
  response.headers.append("Vary", "Origin");
  return response;
}

/**
 * A client that registers has no user yet, so the event goes to the anonymous chain under the new client id.
 */
async function recordRegistration(c: GatewayContext): Promise<void> {
  if (c.res.status !== 201) return;
  const { client_id } = await c.res.clone().json<{ client_id: string }>();
  const event = { type: "client_registration", clientId: client_id } as const;
  await recordClientEvent(c.env, c.req.raw, ANONYMOUS_CHAIN, event);
}

/** Hono's type of the execution context is older than the platform's; the object is the same. */
function contextOf(c: GatewayContext): ExecutionContext {
  return c.executionCtx as ExecutionContext;
}

function answerUnknown(c: GatewayContext, message: string): Response | Promise<Response> {
  return refuse(c, {
    status: 404,
    code: "not_found",
    title: "Nothing here",
    message,
    action: `Use one of the addresses listed at ${c.env.PUBLIC_URL}/.`,
  });
}
