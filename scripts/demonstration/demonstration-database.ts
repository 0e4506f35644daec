import { randomBytes } from "node:crypto";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import type { Client } from "pg";
import type { LocalDatabases } from "../local/databases.ts";
import { startOfToday } from "../local/demonstration.ts";
import { findAccount } from "./account.ts";
import { createCluster, findPrograms, OWNER, type PostgresqlServer, startPostgresql } from "./postgresql.ts";
import { publishShop } from "./publish-shop.ts";
import { prepareServerFolder } from "./server-folder.ts";

/** The port of the first start; another one if it is taken. */
const USUAL_PORT = 54_329;

/** The demonstration's PostgreSQL, once it runs. */
export interface DemonstrationDatabase {
  /** Puts its connection in force, if that is not so already. Only while no Worker has the storage open. */
  publish(databases: LocalDatabases): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts the demonstration's PostgreSQL on data below the storage, and loads a shop into it on the first start.
 * Throws if it cannot run on this machine: the rest of Gatehouse does not need it.
 */
export async function startDemonstrationDatabase(stateFolder: string): Promise<DemonstrationDatabase> {
  const account = findAccount();
  const { programs, data } = prepareServerFolder(stateFolder, findPrograms(), account);
  const marker = `${data}.ready`;
  const isKept = existsSync(marker);
  const secrets = { owner: randomPassword(), reader: randomPassword() };
  if (!isKept) {
    // What an interrupted start left is begun again.
    rmSync(data, { recursive: true, force: true, maxRetries: 5 });
    await createCluster(programs, data, secrets.owner, account);
  }
  const server = await startPostgresql(programs, data, USUAL_PORT, account);
  try {
    if (!isKept) await load(server, secrets);
  } catch (failure) {
    await server.stop();
    throw failure;
  }
  return {
    async publish(databases) {
      await publishShop(databases, {
        stateFolder,
        port: server.port,
        password: isKept ? null : secrets.reader,
      });
      // The owner's password is known to this process alone: from here on the data cannot be changed.
      writeFileSync(marker, "");
    },
    stop: () => server.stop(),
  };
}

async function load({ port }: PostgresqlServer, secrets: { owner: string; reader: string }): Promise<void> {
  const { default: pg } = await import("pg");
  const { seedShop } = await import("../seed/shop.ts");
  const opened: Client[] = [];
  const open = async (database: string) => {
    const client = new pg.Client({ host: "127.0.0.1", port, database, user: OWNER, password: secrets.owner });
    opened.push(client);
    await client.connect();
    return client;
  };
  try {
    await seedShop(open, { asOf: startOfToday(), readerPassword: secrets.reader });
  } finally {
    await Promise.all(opened.map((client) => client.end()));
  }
}

function randomPassword(): string {
  return randomBytes(24).toString("base64url");
}
