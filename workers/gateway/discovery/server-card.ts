import { REVISIONS } from "../../../shared/mcp/methods/revisions.ts";
import { SERVER_INFO } from "../../../shared/mcp/methods/server-info.ts";
import { houseIcons, iconsOf } from "../../../shared/server/icons.ts";
import type { Resource } from "../oauth/resources.ts";

/** Media type of a server card (SEP-2127). */
export const SERVER_CARD_TYPE = "application/mcp-server-card+json";

const CARD_SCHEMA = "https://static.modelcontextprotocol.io/schemas/v1/server-card.schema.json";
const REGISTRY_SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json";

const EVERYTHING = "Everything that this company shares with AI clients, behind one sign-in.";

/**
 * Public description of an MCP URL: its identity and how to connect, without its tools (SEP-2127, server card
 * v1).
 */
export function describeServer(publicUrl: string, resource: Resource) {
  return {
    $schema: CARD_SCHEMA,
    ...identify(publicUrl, resource),
    remotes: [{ type: "streamable-http", url: resource.url, supportedProtocolVersions: [...REVISIONS] }],
  };
}

/** The description as an entry of an MCP registry: `server.json` of schema 2025-12-11. */
export function describeForRegistry(publicUrl: string, resource: Resource) {
  return {
    $schema: REGISTRY_SCHEMA,
    ...identify(publicUrl, resource),
    remotes: [{ type: "streamable-http", url: resource.url }],
  };
}

/** The AI catalogue of this origin: the card address of each MCP URL. */
export function listCards(publicUrl: string, resources: readonly Resource[]) {
  const { hostname } = new URL(publicUrl);
  return {
    specVersion: "1.0",
    host: { displayName: "Gatehouse", documentationUrl: `${publicUrl}/`, logoUrl: `${publicUrl}/logo.png` },
    entries: resources.map((resource) => ({
      identifier: `urn:air:${hostname}:mcp:${resource.server ?? SERVER_INFO.name}`,
      displayName: resource.title,
      type: SERVER_CARD_TYPE,
      url: `${resource.url}/server-card`,
    })),
  };
}

function identify(publicUrl: string, resource: Resource) {
  const [server] = resource.servers;
  const own = resource.server === null ? undefined : server;
  return {
    name: `${reverse(new URL(publicUrl).hostname)}/${resource.server ?? SERVER_INFO.name}`,
    version: SERVER_INFO.version,
    title: resource.title,
    description: own?.description ?? EVERYTHING,
    websiteUrl: `${publicUrl}/`,
    icons: own === undefined ? houseIcons(publicUrl) : [...iconsOf(publicUrl, own), houseIcons(publicUrl)[1]],
  };
}

/** A host name in reverse order, as registries name owners: `com.example.gatehouse`. */
function reverse(hostname: string): string {
  return hostname.split(".").reverse().join(".");
}
