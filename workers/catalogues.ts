import { type Catalogue, openCatalogue } from "../shared/server/catalogue.ts";
import { publishedServers, publishedServersOf } from "./published-servers.ts";
import { listServers, registry } from "./servers.ts";

/** What one MCP URL offers. `server` is its path segment, or `""` for the door with everything. */
export function openCatalogueOf(server: string): Catalogue {
  if (server === "") return openCatalogue("", "Gatehouse", listServers(), publishedServers);
  const registration = registry.find((candidate) => candidate.server.name === server);
  return registration
    ? openCatalogue(server, registration.server.title, [registration.server])
    : openCatalogue(server, server, [], publishedServersOf(server));
}
