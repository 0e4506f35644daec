import * as oauth from "oauth4webapi";
import { openUpstream } from "../../../shared/upstream/open-upstream.ts";
import { findAddressFault } from "../../../shared/upstream/outside-address.ts";
import { OAuthFault } from "./fault.ts";

/** Milliseconds for one request of OAuth. */
const PATIENCE_MS = 10_000;

/** Most bytes of one document or token answer. */
const MOST_BYTES = 500_000;

/** The options with which every request of OAuth goes through the rules for requests outside of Gatehouse. */
export function requestOptions(env: Env, connection: string) {
  const upstream = openUpstream({
    env,
    name: connection,
    traceId: crypto.randomUUID().replaceAll("-", ""),
    passesTrace: false,
    tokenId: "",
    signal: AbortSignal.timeout(PATIENCE_MS),
    mostBytes: MOST_BYTES,
  });
  return {
    [oauth.customFetch]: (url: string, init: oauth.CustomFetchOptions<string, unknown>) =>
      upstream(url, { ...init, redirect: "manual" } as RequestInit),
    // The rules allow plain http to the hosts alone that the deployment names.
    [oauth.allowInsecureRequests]: true,
  };
}

/**
 * Finds the authorization server of an MCP server: by the metadata of the protected resource (RFC 9728), or at
 * the server's own origin if it has none, and its metadata (RFC 8414, OpenID Connect Discovery). Throws
 * {@link OAuthFault} if one of them does not fit, and for a server without PKCE.
 */
export async function findAuthorizationServer(
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
  for (const endpoint of [server.authorization_endpoint, server.token_endpoint]) {
    if (endpoint === undefined || !isAllowed(env, endpoint))
      throw new OAuthFault("Its authorization server names an address that is not asked.", {
        attempt: "metadata",
      });
  }
  return { server, scopes: protectedResource?.scopes_supported ?? [] };
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
