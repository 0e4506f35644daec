import { insufficientScope, type OAuthResourceContext } from "@cloudflare/workers-oauth-provider";
import type { KeyLimits, PrincipalIdentity } from "../../../shared/call/principal.ts";
import { digestText } from "../../../shared/encoding/canonical-json.ts";
import type { SessionHandler } from "../../../shared/mcp/lane-options.ts";
import { serveLanes } from "../../../shared/mcp/lanes.ts";
import { openStatelessLane } from "../../../shared/mcp/stateless/stateless.ts";
import { policyInForce } from "../../../shared/policy/current.ts";
import type { Catalogue } from "../../../shared/server/catalogue.ts";
import { openCatalogueOf } from "../../catalogues.ts";
import { registry } from "../../servers.ts";
import { type GrantProps, grantIdOf } from "../oauth/grant.ts";
import { onPolicyObserved } from "../policy-changes.ts";
import { GatewayAgent } from "./agent.ts";
import { readCertificate } from "./client-certificate.ts";

/** What one MCP URL needs apart from the request; made once per isolate. */
interface Endpoint {
  catalogue: Catalogue;
  binding: keyof Env & string;
  sharedClass: boolean;
  door: SessionHandler;
}

const endpoints = new Map<string | null, Endpoint>();

/**
 * Serves one request to an MCP URL whose token has been validated for exactly this URL.
 *
 * @param server - name of the server behind the URL, or `null` for the door with everything
 */
export async function serveMcp(
  request: Request,
  env: Env,
  ctx: OAuthResourceContext<GrantProps>,
  server: string | null,
): Promise<Response> {
  const { catalogue: known, binding, sharedClass, door } = endpointFor(server);
  const policy = await policyInForce(env);
  ctx.waitUntil(onPolicyObserved(env, policy));
  const catalogue = await known.at(env, policy.revisions);
  const options = {
    catalogue,
    namespace: env[binding] as DurableObjectNamespace,
    binding,
    sharedClass,
    door,
    stateless: openStatelessLane,
    oldTransport: env.LEGACY_SSE === "on",
    hostnames: [new URL(env.PUBLIC_URL).hostname],
    challenge: (scopes: readonly string[]) => insufficientScope(ctx.auth, [...scopes]),
    reconnect: `Bearer realm="OAuth", resource_metadata="${metadataUrl(ctx.auth.audience)}", error="invalid_token"`,
  };
  const identity = identify(request, ctx);
  return serveLanes(request, options, { identity, policy, expiresAt: ctx.auth.expiresAt, env, ctx });
}

function endpointFor(server: string | null): Endpoint {
  let opening = endpoints.get(server);
  if (!opening) {
    opening = createEndpoint(server);
    endpoints.set(server, opening);
  }
  return opening;
}

function createEndpoint(server: string | null): Endpoint {
  const registration = registry.find((candidate) => candidate.server.name === server);
  const own = registration?.sessions;
  const binding = own?.binding ?? "GATEWAY_AGENT";
  const catalogue = openCatalogueOf(server ?? "");
  const path = server === null ? "/mcp" : `/mcp/${server}`;
  const door = (own?.agent ?? GatewayAgent).serve(path, { binding });
  return { catalogue, binding, sharedClass: own === undefined, door };
}

/** Where a resource's metadata is (RFC 9728 §3.1: between the host and the path). */
function metadataUrl(resource: string): string {
  const { origin, pathname } = new URL(resource);
  return `${origin}/.well-known/oauth-protected-resource${pathname}`;
}

/** Identity of this request: the person from the grant or key, the app (or key) and its scopes from the token. */
function identify(request: Request, { props, auth }: OAuthResourceContext<GrantProps>): PrincipalIdentity {
  const { key } = props;
  const certificate = readCertificate(request);
  return {
    userId: props.userId,
    email: props.email,
    name: props.name,
    role: props.role,
    clientId: auth.clientId ?? "",
    grantId: key?.id ?? grantIdOf(auth.token),
    tokenId: digestText(auth.token),
    scopes: auth.scope,
    ip: request.headers.get("cf-connecting-ip"),
    country: typeof request.cf?.country === "string" ? request.cf.country : null,
    // Grants of an earlier release do not say.
    mfaAt: props.mfaAt ?? null,
    ...(certificate !== undefined && { certificate }),
    ...(key && { key: limitsOf(key) }),
  };
}

function limitsOf({ tools, networks, certificates = [], endsAt, credential }: KeyLimits): KeyLimits {
  return { tools, networks, certificates, endsAt, credential };
}
