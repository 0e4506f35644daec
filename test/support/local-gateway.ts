import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { CONNECTIONS } from "../../scripts/connections.ts";
import { pickPort } from "../../scripts/local/port.ts";
import { prepareDatabases } from "../../scripts/local/prepare.ts";
import { startServer } from "../../scripts/local/server.ts";
import { runCommand } from "./command-in-process.ts";
import { type RunConnections, runConnectionsOf } from "./run-connections.ts";

/** A Gatehouse on storage of its own, with a file of connections. */
export interface LocalGateway {
  /** Holds `connections.yaml` and the storage. */
  folder: string;
  url: string;
  runConnections: RunConnections;
  close(): Promise<void>;
}

/**
 * Starts a Gatehouse as `npm start` does.
 *
 * @param hosts - hosts that it may ask over plain HTTP
 * @param connections - text of the file of connections
 * @param loaders - fill the databases, by binding
 */
export async function startLocalGateway(
  hosts: string,
  connections = "connections: {}\n",
  loaders: Parameters<typeof prepareDatabases>[0]["loaders"] = {},
): Promise<LocalGateway> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-local-test-"));
  const file = path.join(folder, "connections.yaml");
  const stateFolder = path.join(folder, "state");
  await writeFile(file, connections);
  await prepareDatabases({
    stateFolder,
    loaders,
    step: (_title, work) => work(() => undefined),
    note: () => undefined,
  });
  const server = await startServer({
    ...{ port: await pickPort(), stateFolder, watch: false, onLine: () => undefined },
    vars: { PLAIN_HTTP_UPSTREAMS: hosts },
  });
  return {
    folder,
    url: server.url,
    runConnections: runConnectionsOf({ file, stateFolder, url: server.url }, (args, stdin) =>
      runCommand(CONNECTIONS, args, stdin),
    ),
    async close() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
