import type { ConnectionsDocument } from "../../shared/connections/entry.ts";
import type { DecisionSubject } from "../../shared/policy/decide.ts";
import type { JsonSchema } from "../../shared/server/schema.ts";
import { allowWorkerModules } from "../check/worker-modules.ts";
import { CONNECTION_FILES, loadConnections } from "../connections/files.ts";

/** A subject of policy rules. `input` is the JSON Schema of a tool's arguments. */
export interface KnownSubject extends DecisionSubject {
  /** Title for people, in addition to the name. */
  title?: string;
  input: JsonSchema | null;
}

/** Everything that the registered servers and the file's connections offer, and every scope they declare. */
export interface Known {
  subjects: readonly KnownSubject[];
  scopes: readonly string[];
}

/** Reads the registry and `connections.yaml`. Loads the servers' own code without running it. */
export async function readRegistry(): Promise<Known> {
  allowWorkerModules();
  const registry = await import("../../workers/servers.ts");
  const { connectionServer } = await import("../../workers/connections/server.ts");
  const files = [CONNECTION_FILES.demonstration, CONNECTION_FILES.connections];
  const loaded = await Promise.all(files.map((file) => loadConnections(file)));
  const connections = Object.assign(
    {},
    ...loaded.map((file) => file.connections),
  ) as ConnectionsDocument["connections"];
  const connected = await Promise.all(
    Object.entries(connections).map(([name, entry]) => connectionServer(name, entry, "", [])),
  );
  const servers = [...registry.servers, ...connected];
  const { createCatalogue } = await import("../../shared/server/catalogue.ts");
  const { tools, resources, templates, prompts } = createCatalogue("", "", servers);
  const entries = [...tools.values(), ...resources.values(), ...templates, ...prompts.values()];
  return {
    subjects: entries.map(({ subject: { kind, name, scope, effect }, listed }) => {
      const input = (listed.inputSchema as JsonSchema | undefined) ?? null;
      return { kind, name, title: String(listed.title ?? name), scope, effect, input };
    }),
    scopes: servers.flatMap((server) => Object.keys(server.scopes)),
  };
}
