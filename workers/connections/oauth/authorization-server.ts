import * as oauth from "oauth4webapi";
import type { PersonalEntry } from "../../../shared/connections/entry.ts";
import { openUpstream } from "../../../shared/upstream/open-upstream.ts";
import { findAddressFault } from "../../../shared/upstream/outside-address.ts";
import { declaredServer, readLikeStandard } from "./declared-server.ts";
import { OAuthFault } from "./fault.ts";

/** Milliseconds for one request of OAuth. */
const PATIENCE_MS = 10_000;

/** Most bytes of one document or token answer. */
const MOST_BYTES = 500_000;

/**
 * The options with which every request of OAuth goes through the rules for requests outside of Gatehouse.
 *
 * @param kind - an HTTP API's answers are read as vendors give them
 * @param patienceMs - milliseconds for the whole answer
 */
export function requestOptions(
  env: Env,
  connection: string,
  kind: PersonalEntry["kind"] = "mcp",
  patienceMs = PATIENCE_MS,
) {
  const upstream = openUpstream({
    env,
    name: connection,
    traceId: crypto.randomUUID().replaceAll("-", ""),
    passesTrace: false,
    tokenId: "",
    signal: AbortSignal.timeout(patienceMs),
    mostBytes: MOST_BYTES,
  });
  return {
    [oauth.customFetch]: async (url: string, init: oauth.CustomFetchOptions<string, unknown>) => {
      const response = await upstream(url, { ...init, redirect: "manual" } as RequestInit);
      return kind === "openapi" && init.method === "POST" ? await readLikeStandard(response) : response;
    },
    // The rules allow plain http to the hosts alone that the deployment names.
    [oauth.allowInsecureRequests]: true,
  };
}

/**
 * The authorization server of a connection: the one that the entry of an HTTP API names, or that an MCP server does.
 * Throws {@link OAuthFault}.
 */
export async function authorizationServerOf(
  env: Env,
  connection: string,
  entry: PersonalEntry,
): Promise<{ server: oauth.AuthorizationServer; scopes: readonly string[] }> {
  if (entry.kind === "mcp") return await findAuthorizationServer(env, connection, entry.reach.url);
  if (entry.auth.type !== "per_person") throw new OAuthFault("It has no accounts of persons.");
  const options = requestOptions(env, connection);
  const server = await declaredServer(entry.auth, (issuer) => readServer(issuer, options));
  requireAllowed(env, server);
  return { server, scopes: [] };
}

/**
 * Finds the authorization server of an MCP server: by the metadata of the protected resource (RFC 9728), or at
 * the server's own origin if it has none, and its metadata (RFC 8414, OpenID Connect Discovery). Throws
 * {@link OAuthFault} if one of them does not fit, and for a server without PKCE.
 */
async function findAuthorizationServer(
  env: Env,
  connection: string,
  resource: string,
): Promise<{ server: oauth.AuthorizationServer; scopes: readonly string[] }> {
  const options = requestOptions(env, connection);
  const protectedResource = await readResource(new URL(resource), options);
  const [named] = protectedResource?.authorization_servers ?? [];
  const issuer = new URL(named ?? new URL(resource).origin);
  const server = await readServer(issuer, options);
  if (server === null) throw new OAuthFault("It has no authorization server that can be used.");
  if (!server.code_challenge_methods_supported?.includes("S256"))
    throw new OAuthFault("Its authorization server does not say that it supports PKCE with S256.", {
      attempt: "metadata",
    });
  requireAllowed(env, server);
  return { server, scopes: protectedResource?.scopes_supported ?? [] };
}

function requireAllowed(env: Env, server: oauth.AuthorizationServer): void {
  const { authorization_endpoint, token_endpoint, revocation_endpoint } = server;
  const ending = revocation_endpoint === undefined ? [] : [revocation_endpoint];
  for (const endpoint of [authorization_endpoint, token_endpoint, ...ending]) {
    if (endpoint === undefined || !isAllowed(env, endpoint))
      throw new OAuthFault("Its authorization server names an address that is not asked.", {
        attempt: "metadata",
      });
  }
}

type Options = ReturnType<typeof requestOptions>;

async function readResource(resource: URL, options: Options): Promise<oauth.ResourceServer | null> {
  const response = await oauth.resourceDiscoveryRequest(resource, options);
  if (response.status === 404 || response.status === 405) {
    await response.body?.cancel();
    return null;
  }
  try {
    return await oauth.processResourceDiscoveryResponse(resource, response);
  } catch (cause) {
    // A document of another resource would send the person's token elsewhere (RFC 9728 §3.3).
    throw new OAuthFault("The metadata of the server is not about its own address.", {
      attempt: "metadata",
      cause,
    });
  }
}

async function readServer(issuer: URL, options: Options): Promise<oauth.AuthorizationServer | null> {
  for (const algorithm of ["oauth2", "oidc"] as const) {
    const response = await oauth.discoveryRequest(issuer, { ...options, algorithm });
    if (response.status !== 200) {
      await response.body?.cancel();
      continue;
    }
    try {
      return await oauth.processDiscoveryResponse(issuer, response);
    } catch (cause) {
      throw new OAuthFault("The metadata of the authorization server is not about its own address.", {
        attempt: "metadata",
        cause,
      });
    }
  }
  return null;
}

/** An address that a browser is sent to, or a token. */
function isAllowed(env: Pick<Env, "PLAIN_HTTP_UPSTREAMS">, address: string): boolean {
  const url = URL.parse(address);
  if (url === null || url.username !== "" || url.password !== "") return false;
  if (env.PLAIN_HTTP_UPSTREAMS.split(/\s+/).includes(url.host)) return /^https?:$/.test(url.protocol);
  return url.protocol === "https:" && findAddressFault(url) === null;
}
