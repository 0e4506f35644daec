import { z } from "zod";
import type { Definition } from "../../shared/connections/definitions.ts";
import type { ConnectionEntry } from "../../shared/connections/entry.ts";
import { flowOf } from "../../shared/connections/flow.ts";
import { defineServer, type ServerDefinition } from "../../shared/server/define.ts";
import { redisServer } from "./redis/server.ts";
import { scopesOf } from "./scopes.ts";
import { SqlHandle } from "./sql/handle.ts";
import { sqlResources } from "./sql/resources.ts";
import { sqlTools } from "./sql/tools.ts";

/**
 * The server of a published connection: its tools go through the guard as those of every other server.
 *
 * @param definitions - what the revision names, for kinds whose tools are data
 */
export async function connectionServer(
  name: string,
  entry: ConnectionEntry,
  revision: string,
  definitions: readonly Definition[],
): Promise<ServerDefinition> {
  const server = await makeServer(name, entry, revision, definitions);
  // Whatever its kind, and a kind that comes later: what it gives carries labels.
  return { ...server, ...flowOf(entry, "read") };
}

async function makeServer(
  name: string,
  entry: ConnectionEntry,
  revision: string,
  definitions: readonly Definition[],
): Promise<ServerDefinition> {
  // A deployment without such a connection does not load its code.
  if (entry.kind === "openapi") {
    const { openapiServer } = await import("./openapi/server.ts");
    return openapiServer(name, entry, revision, definitions);
  }
  if (entry.kind === "mcp") {
    const { mcpServer } = await import("./mcp/server.ts");
    return mcpServer(name, entry, revision, definitions);
  }
  if (entry.kind === "opensearch") {
    const { opensearchServer } = await import("./opensearch/server.ts");
    return opensearchServer(name, entry, revision);
  }
  if (entry.kind === "mongodb") {
    const { mongodbServer } = await import("./mongodb/server.ts");
    return mongodbServer(name, entry, revision);
  }
  if (entry.kind === "kafka") {
    const { kafkaServer } = await import("./kafka/server.ts");
    return kafkaServer(name, entry, revision);
  }
  if (entry.kind === "redis") return redisServer(name, entry, revision);
  const tools = sqlTools(name, entry);
  const scopes = tools.map(({ scope }) => scope);
  return defineServer<SqlHandle>({
    name,
    title: entry.title,
    description: entry.description,
    instructions: `${entry.title}: find tables with ${name}_search_objects, then read them with ${name}_query. Prefer the ready-made tools of ${name} where one fits.`,
    scopes: scopesOf(name, entry.title, scopes),
    baseline: `${name}:read`,
    defaults: z.object({}),
    store: (env, principal, masks) => new SqlHandle({ env, name, revision, entry, principal, masks }),
    tools,
    resources: sqlResources(name, entry),
    prompts: [],
  }) as ServerDefinition;
}
