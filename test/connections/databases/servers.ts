import { env } from "cloudflare:workers";
import { Redis } from "ioredis";
import { createConnection } from "mysql2/promise";
import pg from "pg";
import type { DatabaseServers, ServerAddress } from "../../../scripts/databases/debian-servers.ts";
import { type ConnectionEntry, connectionEntry } from "../../../shared/connections/entry.ts";
import { PASSWORD } from "../../support/publish-connections.ts";

/** Servers of this machine; `null` for one that is not installed. */
export const SERVERS = (env as unknown as { TEST_SERVERS: DatabaseServers }).TEST_SERVERS;

/** Runs statements as the owner of the PostgreSQL server, in a database. */
export async function asPostgresqlOwner(database: string, ...statements: string[]): Promise<unknown[][]> {
  if (SERVERS.postgresql === null) throw new Error("PostgreSQL is not installed.");
  return await onPostgresql(SERVERS.postgresql, database, ...statements);
}

/** Runs statements in a database of a PostgreSQL server. */
export async function onPostgresql(
  server: ServerAddress,
  database: string,
  ...statements: string[]
): Promise<unknown[][]> {
  const client = new pg.Client({ ...server, database });
  client.on("error", () => {});
  await client.connect();
  try {
    const answers: unknown[][] = [];
    for (const statement of statements) answers.push((await client.query(statement)).rows);
    return answers;
  } finally {
    await client.end();
  }
}

/** Runs statements as the owner of the MariaDB server. */
export async function asMariadbOwner(...statements: string[]): Promise<unknown[]> {
  if (SERVERS.mariadb === null) throw new Error("MariaDB is not installed.");
  return await onMariadb(SERVERS.mariadb, ...statements);
}

/** Runs statements on a MariaDB server. */
export async function onMariadb(server: ServerAddress, ...statements: string[]): Promise<unknown[]> {
  const connection = await createConnection({ ...server, disableEval: true } as Parameters<
    typeof createConnection
  >[0]);
  try {
    const answers: unknown[] = [];
    for (const statement of statements) answers.push((await connection.query(statement))[0]);
    return answers;
  } finally {
    connection.destroy();
  }
}

/** Runs commands on a Redis server; returns their answers. */
export async function onRedis(
  { host, port, password }: ServerAddress,
  ...commands: readonly (readonly string[])[]
): Promise<unknown[]> {
  const client = new Redis({ host, port, password, lazyConnect: true, enableReadyCheck: false });
  client.on("error", () => {});
  await client.connect();
  try {
    const answers: unknown[] = [];
    for (const [command = "", ...given] of commands) answers.push(await client.call(command, ...given));
    return answers;
  } finally {
    client.disconnect();
  }
}

/** Makes a database with a shop, and an account that only reads it. Tests that change an account have one of their own. */
export async function createShop(database: string, reader = "reader"): Promise<void> {
  await asPostgresqlOwner("postgres", `DROP DATABASE IF EXISTS ${database}`, `CREATE DATABASE ${database}`);
  await asPostgresqlOwner(
    database,
    `DO $$ BEGIN CREATE ROLE ${reader} LOGIN PASSWORD '${PASSWORD}'; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
    "CREATE TABLE customers (id integer PRIMARY KEY, name text NOT NULL, email text, country text NOT NULL, owner text)",
    "CREATE TABLE orders (id bigint PRIMARY KEY, customer_id integer REFERENCES customers, placed_at timestamptz NOT NULL, total numeric(12,2) NOT NULL, note text)",
    "CREATE TABLE payroll (id integer PRIMARY KEY, salary numeric)",
    "COMMENT ON TABLE orders IS 'One row for each order of the web shop'",
    "INSERT INTO customers SELECT n, 'Customer ' || n, 'c' || n || '@people.example', (ARRAY['DE','FR','US'])[1 + n % 3], CASE WHEN n % 2 = 0 THEN 'user_ann' ELSE 'user_bob' END FROM generate_series(1, 60) n",
    "INSERT INTO orders SELECT n, 1 + n % 60, timestamptz '2026-01-01' + n * interval '1 hour', n * 1.5, repeat('x', 50) FROM generate_series(1, 3000) n",
    "INSERT INTO payroll VALUES (1, 100000)",
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    `GRANT USAGE ON SCHEMA public TO ${reader}`,
    `GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${reader}`,
    "ANALYZE",
  );
}

/** An entry for the shop, with changes. */
export function shopEntry(database: string, more: Record<string, unknown> = {}): ConnectionEntry {
  const server = SERVERS.postgresql;
  if (server === null) throw new Error("PostgreSQL is not installed.");
  return connectionEntry.parse({
    kind: "postgresql",
    title: "Shop",
    description: "Orders and customers of the web shop.",
    owner: "shop@people.example",
    reach: { host: server.host, port: server.port, tls: "off", database, user: "reader" },
    expose: { tables: ["public.*"], except: ["public.payroll"] },
    columns: { "public.customers.email": "pii" },
    ...more,
  });
}
