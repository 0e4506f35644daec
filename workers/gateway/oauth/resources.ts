import type { ServerDefinition } from "../../../shared/server/define.ts";
import { listServers } from "../../servers.ts";

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

/** Every MCP URL under `publicUrl`: first the one with all servers, then one per server. */
export function listResources(publicUrl: string): Resource[] {
  const servers = listServers();
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

/** Every scope that this deployment can grant. */
export function listScopes(): string[] {
  return listServers().flatMap((server) => Object.keys(server.scopes));
}

/** Finds the resource that a grant or an authorization request names. */
export function findResource(publicUrl: string, url: string | undefined): Resource | undefined {
  return listResources(publicUrl).find((resource) => resource.url === url);
}
