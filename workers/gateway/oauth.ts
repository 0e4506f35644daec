import { OAuthResourceServer } from "@cloudflare/workers-oauth-provider";
import { log } from "../../shared/observe/log.ts";
import { type GrantProps, renewGrant } from "./grant.ts";
import { GrantServer } from "./grants/grant-server.ts";
import { serveMcp } from "./mcp.ts";
import { listResources, listScopes, type Resource } from "./resources.ts";

/** Seconds. Short, because a wider role reaches a token only when it is refreshed. */
const ACCESS_TOKEN_TTL = 30 * 60;
/** Seconds. A connection lives while its app refreshes at least this often. */
const IDLE_TTL = 30 * 24 * 60 * 60;

/** The OAuth roles of one public origin: one authorization server, and a resource server for each MCP URL. */
export interface OAuthServers {
  authorizationServer: GrantServer;
  /** By path: `/mcp`, `/mcp/crm`, … */
  resourceServers: ReadonlyMap<string, OAuthResourceServer<Env, GrantProps>>;
}

let current: { publicUrl: string; door: OAuthServers } | undefined;

/** The door for this deployment's `PUBLIC_URL`; built once per isolate. */
export function getOAuthServers(env: Env): OAuthServers {
  if (current?.publicUrl !== env.PUBLIC_URL) {
    current = { publicUrl: env.PUBLIC_URL, door: createOAuthServers(env.PUBLIC_URL) };
  }
  return current.door;
}

function createOAuthServers(publicUrl: string): OAuthServers {
  const resources = listResources(publicUrl);
  const authorizationServer = new GrantServer({
    issuer: publicUrl,
    resources: resources.map((resource) => resource.url),
    // Clients older than RFC 8707 name no resource. They get a token for the URL with everything, and only that one.
    defaultResource: `${publicUrl}/mcp`,
    clientRegistrationEndpoint: "/oauth/register",
    clientIdMetadataDocumentEnabled: true,
    scopesSupported: listScopes(),
    accessTokenTTL: ACCESS_TOKEN_TTL,
    refreshTokenTTL: IDLE_TTL,
    refreshTokenIdleTTL: IDLE_TTL,
    tokenExchangeCallback: renewGrant,
    onError({ code, status, internal }) {
      const { category, reason } = internal;
      log("warn", "oauth_refused", { code, status, category, reason });
    },
  });
  const resourceServers = new Map(
    resources.map((resource) => [
      resource.path,
      buildResourceServer(resource, publicUrl, authorizationServer),
    ]),
  );
  return { authorizationServer, resourceServers };
}

function buildResourceServer(
  resource: Resource,
  publicUrl: string,
  authorizationServer: GrantServer,
): OAuthResourceServer<Env, GrantProps> {
  return new OAuthResourceServer<Env, GrantProps>({
    resourceMetadata: {
      resource: resource.url,
      authorization_servers: [publicUrl],
      bearer_methods_supported: ["header"],
      resource_name: resource.title,
    },
    requiredScopes: [...resource.baseline],
    validateToken: (env) => (url, token) => authorizationServer.validateToken<GrantProps>(url, token, env),
    handler: {
      fetch: (request, env, context) => serveMcp(request, env, context, resource.server),
    },
  });
}
