import type { ConnectionsDocument } from "../../shared/connections/entry.ts";
import type { Known } from "../../shared/policy/changes/known.ts";
import { allowWorkerModules } from "../check/worker-modules.ts";
import { CONNECTION_FILES, loadConnections } from "../connections/files.ts";

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
  const { listKnown } = await import("../../shared/policy/changes/known.ts");
  return {
    ...listKnown([...registry.servers, ...connected]),
    defined: Object.entries(connections).flatMap(([name, { kind }]) =>
      kind === "openapi" || kind === "mcp" ? [name] : [],
    ),
  };
}
