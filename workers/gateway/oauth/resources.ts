import type { ServerDefinition } from "../../../shared/server/define.ts";
import { serversInForce } from "../../servers-in-force.ts";

/** One protected resource (RFC 9728): an MCP URL, and the scopes of its tokens. */
export interface Resource {
  /** `/mcp` or `/mcp/<server>`. */
  path: string;
  /** The resource identifier (RFC 8707) and token audience: exact, no trailing slash. */
  url: string;
  /** The one server behind the URL, or `null` for all of them. */
  server: string | null;
  title: string;
  servers: readonly ServerDefinition[];
  /** Scopes that any access needs; advertised in the 401 and in the resource's metadata. */
  baseline: readonly string[];
}

/** Every MCP URL in force: first the one with all servers, then one per server. */
export async function listResources(env: Env): Promise<Resource[]> {
  return toResources(env.PUBLIC_URL, await serversInForce(env));
}

/** The MCP URLs of `servers` under `publicUrl`; see {@link listResources}. */
export function toResources(publicUrl: string, servers: readonly ServerDefinition[]): Resource[] {
  return [
    {
      path: "/mcp",
      url: `${publicUrl}/mcp`,
      server: null,
      title: "Gatehouse",
      servers,
      baseline: servers.map((server) => server.baseline),
    },
    ...servers.map((server) => ({
      path: `/mcp/${server.name}`,
      url: `${publicUrl}/mcp/${server.name}`,
      server: server.name,
      title: server.title,
      servers: [server],
      baseline: [server.baseline],
    })),
  ];
}

/** Finds the resource that a grant or an authorization request names. */
export async function findResource(env: Env, url: string | undefined): Promise<Resource | undefined> {
  return (await listResources(env)).find((resource) => resource.url === url);
}
