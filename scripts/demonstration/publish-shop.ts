import { writeFile } from "node:fs/promises";
import { stringify } from "yaml";
import type { ConnectionEntry } from "../../shared/connections/entry.ts";
import { writeSecret } from "../../workers/connections/vault.ts";
import { CONNECTION_FILES, loadConnections, storageFile } from "../connections/files.ts";
import { connectionsIn, publishConnections, readInForce } from "../connections/published.ts";
import type { LocalDatabases } from "../local/databases.ts";
import { readEnvironment } from "../local/project.ts";
import { platformDatabase } from "../platform/database.ts";

/** What a start knows of the demonstration's server. */
export interface StartedShop {
  stateFolder: string;
  port: number;
  /** Of the role that reads it; `null` if the vault has it already. */
  password: string | null;
}

/**
 * Puts the demonstration's connection in force in the local environment: always for a new database, and later only
 * if it is in force with another port. Who took it out of force does not get it back.
 */
export async function publishShop(databases: LocalDatabases, shop: StartedShop): Promise<void> {
  const connection = databases.all.find(({ binding }) => binding === "PLATFORM_DB")?.connection;
  if (connection === undefined)
    throw new Error("wrangler.toml names no PLATFORM_DB for the local environment.");
  const [name, entry] = await readEntry(shop.port);
  await writeFile(
    storageFile(shop.stateFolder),
    `# Connections of this storage alone. npm start writes this file; yours are in shared/connections/connections.yaml.\n${stringify({ connections: { [name]: entry } })}`,
  );
  if (shop.password !== null) {
    const variables = readEnvironment("local").vars;
    const env = { ...variables, PLATFORM_DB: connection } as unknown as Env;
    await writeSecret(env, name, shop.password, Date.now());
  }
  const database = platformDatabase(connection);
  const inForce = connectionsIn(await readInForce(database));
  const known = inForce.get(name);
  if (known === undefined ? shop.password === null : portOf(known.entry) === shop.port) return;
  const place = { env: "local", state: shop.stateFolder } as const;
  const changed = known === undefined ? entry : withPort(known.entry, shop.port);
  const wanted = { ...Object.fromEntries(inForce), [name]: { entry: changed, definitions: [] } };
  await publishConnections(database, wanted, { place, note: "Demonstration" });
}

/** The entry of the demonstration with the port of its server. */
async function readEntry(port: number): Promise<[string, ConnectionEntry]> {
  const { connections } = await loadConnections(CONNECTION_FILES.demonstration);
  const [first] = Object.entries(connections);
  if (first === undefined) throw new Error(`${CONNECTION_FILES.demonstration} has no connection.`);
  const [name, entry] = first;
  return [name, withPort(entry, port)];
}

function withPort(entry: ConnectionEntry, port: number): ConnectionEntry {
  return { ...entry, reach: { ...entry.reach, port } } as ConnectionEntry;
}

function portOf({ reach }: ConnectionEntry): number | undefined {
  return "port" in reach ? reach.port : undefined;
}
