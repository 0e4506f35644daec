import { insufficientScope, type OAuthResourceContext } from "@cloudflare/workers-oauth-provider";
import { digestText } from "../../shared/audit/canonical-json.ts";
import type { PrincipalIdentity } from "../../shared/auth/principal.ts";
import type { Catalogue } from "../../shared/mcp/catalogue.ts";
import { type SessionDoor, serveLanes } from "../../shared/mcp/lanes.ts";
import { createStatelessLane, type StatelessLane } from "../../shared/mcp/stateless.ts";
import { policyInForce } from "../../shared/policy/current.ts";
import { registry } from "../servers.ts";
import { GatewayAgent } from "./agent.ts";
import { openCatalogueOf } from "./catalogues.ts";
import { type GrantProps, grantIdOf } from "./grant.ts";
import { noticePolicy } from "./policy-changes.ts";

/** What one MCP URL needs beside the request; made once per isolate. */
interface Opening {
  catalogue: Catalogue;
  binding: keyof Env & string;
  door: SessionDoor;
  stateless: StatelessLane;
}

const openings = new Map<string | null, Opening>();

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
  const { catalogue, binding, door, stateless } = openingFor(server);
  const options = {
    catalogue,
    namespace: env[binding] as DurableObjectNamespace,
    binding,
    door,
    stateless,
    oldTransport: env.LEGACY_SSE === "on",
    hostnames: [new URL(env.PUBLIC_URL).hostname],
    challenge: (scopes: readonly string[]) => insufficientScope(ctx.auth, [...scopes]),
    reconnect: `Bearer realm="OAuth", resource_metadata="${metadataUrl(ctx.auth.audience)}", error="invalid_token"`,
  };
  const policy = await policyInForce(env);
  ctx.waitUntil(noticePolicy(env, policy));
  const identity = identify(request, ctx);
  return serveLanes(request, options, { identity, policy, expiresAt: ctx.auth.expiresAt, env, ctx });
}

function openingFor(server: string | null): Opening {
  let opening = openings.get(server);
  if (!opening) {
    opening = createOpening(server);
    openings.set(server, opening);
  }
  return opening;
}

function createOpening(server: string | null): Opening {
  const registration = registry.find((candidate) => candidate.server.name === server);
  const binding = registration?.binding ?? "GATEWAY_AGENT";
  const catalogue = openCatalogueOf(server ?? "");
  const path = server === null ? "/mcp" : `/mcp/${server}`;
  const door = (registration?.agent ?? GatewayAgent).serve(path, { binding });
  return { catalogue, binding, door, stateless: createStatelessLane(catalogue) };
}

/** Where a resource's metadata is (RFC 9728 §3.1: between the host and the path). */
function metadataUrl(resource: string): string {
  const { origin, pathname } = new URL(resource);
  return `${origin}/.well-known/oauth-protected-resource${pathname}`;
}

/** Identity of this request: the person from the grant, the app and its scopes from the token. */
function identify(request: Request, { props, auth }: OAuthResourceContext<GrantProps>): PrincipalIdentity {
  return {
    userId: props.userId,
    email: props.email,
    name: props.name,
    role: props.role,
    clientId: auth.clientId ?? "",
    grantId: grantIdOf(auth.token),
    tokenId: digestText(auth.token),
    scopes: auth.scope,
    ip: request.headers.get("cf-connecting-ip"),
    country: typeof request.cf?.country === "string" ? request.cf.country : null,
    // Grants of an earlier release do not say.
    mfaAt: props.mfaAt ?? null,
  };
}
