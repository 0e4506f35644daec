import { OAuthError, OAuthResourceServer } from "@cloudflare/workers-oauth-provider";
import { log } from "../../../shared/observe/log.ts";
import { policyInForce } from "../../../shared/policy/current.ts";
import type { ServerDefinition } from "../../../shared/server/define.ts";
import { serversInForce } from "../../servers-in-force.ts";
import { GrantServer } from "../grants/grant-server.ts";
import { withGrantStore } from "../grants/grant-storage.ts";
import { isOfServiceAccount, validateKey } from "../keys/validate-key.ts";
import { serveMcp } from "../mcp/mcp.ts";
import { type GrantMetadata, type GrantProps, renewGrant } from "./grant.ts";
import { acceptsIdJag, answerUnchecked, idJagOptions } from "./id-jag.ts";
import { type Resource, toResources } from "./resources.ts";

/** Seconds. Short, because a changed role reaches a token only when it is refreshed. */
const ACCESS_TOKEN_TTL = 30 * 60;
/** Seconds. A connection lives while its app refreshes at least this often. */
const IDLE_TTL = 30 * 24 * 60 * 60;

/** The OAuth roles of one public origin: one authorization server, and a resource server for each MCP URL. */
export interface OAuthServers {
  authorizationServer: GrantServer;
  /** By path: `/mcp`, `/mcp/crm`, … */
  resourceServers: ReadonlyMap<string, OAuthResourceServer<Env, GrantProps>>;
}

/** What OAuth servers are made of. */
interface Made {
  publicUrl: string;
  inForce: readonly ServerDefinition[];
  vouched: boolean;
}

let current: (Made & { key: string; servers: OAuthServers }) | undefined;

/**
 * The OAuth servers of this deployment's `PUBLIC_URL`. Created once per isolate and set of servers: a
 * publication adds and removes connections.
 */
export async function getOAuthServers(env: Env): Promise<OAuthServers> {
  const inForce = await serversInForce(env);
  // While the policy is unknown nothing is connected by a provider; the rest goes on.
  const vouched = await policyInForce(env).then(
    ({ signIn }) => acceptsIdJag(signIn),
    () => false,
  );
  const made: Made = { publicUrl: env.PUBLIC_URL, inForce, vouched };
  // Every request asks: the same definitions are not compared as texts.
  if (current !== undefined && isSame(current, made)) return current.servers;
  const key = JSON.stringify([
    env.PUBLIC_URL,
    vouched,
    inForce.map(({ name, title, scopes }) => [name, title, scopes]),
  ]);
  const servers =
    current?.key === key ? current.servers : createOAuthServers(env.PUBLIC_URL, inForce, vouched);
  current = { ...made, key, servers };
  return servers;
}

function isSame(one: Made, other: Made): boolean {
  return (
    one.publicUrl === other.publicUrl &&
    one.vouched === other.vouched &&
    one.inForce.length === other.inForce.length &&
    one.inForce.every((server, index) => server === other.inForce[index])
  );
}

/** @param vouched - whether identity providers of the policy connect apps */
function createOAuthServers(
  publicUrl: string,
  inForce: readonly ServerDefinition[],
  vouched: boolean,
): OAuthServers {
  const resources = toResources(publicUrl, inForce);
  const authorizationServer = new GrantServer({
    issuer: publicUrl,
    resources: resources.map((resource) => resource.url),
    // Clients older than RFC 8707 name no resource. They get a token for the URL with all servers, and only
    // that one.
    defaultResource: defaultResource(publicUrl),
    clientRegistrationEndpoint: "/oauth/register",
    clientIdMetadataDocumentEnabled: true,
    // RFC 8252 §7.1. redirects.ts decides which schemes.
    allowPrivateUseRedirectUris: true,
    scopesSupported: inForce.flatMap(({ scopes }) => Object.keys(scopes)),
    accessTokenTTL: ACCESS_TOKEN_TTL,
    refreshTokenTTL: IDLE_TTL,
    refreshTokenIdleTTL: IDLE_TTL,
    tokenExchangeCallback: renewGrant,
    ...(vouched && { enterpriseManagedAuthorization: idJagOptions }),
    onError({ code, status, internal }) {
      const { category, reason } = internal;
      log("warn", "oauth_refused", { code, status, category, reason });
      return answerUnchecked(internal);
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
    validateToken: (env) => async (url, token) => {
      if (isOfServiceAccount(token)) return await validateKey(env, resource, token);
      const validated = await authorizationServer.validateToken<GrantProps>(url, token, env);
      if (validated === null) await explainOtherResource(authorizationServer, env, publicUrl, token);
      return validated;
    },
    handler: {
      fetch: (request, env, context) => serveMcp(request, env, context, resource.server),
    },
  });
}

function defaultResource(publicUrl: string): string {
  return `${publicUrl}/mcp`;
}

/**
 * Throws 403 for a token of the URL with all servers whose client named no resource (older than RFC 8707 in
 * MCP, 2025-06-18). A 401 would send such a client through the same sign-in for the same token, in a loop.
 */
async function explainOtherResource(
  authorizationServer: GrantServer,
  env: Env,
  publicUrl: string,
  token: string,
): Promise<void> {
  const url = defaultResource(publicUrl);
  if ((await authorizationServer.validateToken(url, token, env)) === null) return;
  const [userId, grantId] = token.split(":");
  const key = `grant:${userId}:${grantId}`;
  const grant = await withGrantStore(env).OAUTH_KV.get<{ metadata?: Partial<GrantMetadata> }>(key, "json");
  if (grant?.metadata?.namedResource !== false) return;
  throw new OAuthError("invalid_target", {
    description: `This token is for ${url}, because the client named no resource when it asked for it (RFC 8707). Connect the client to ${url}, or use a newer version of it.`,
    statusCode: 403,
  });
}
