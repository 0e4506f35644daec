import { env, exports } from "cloudflare:workers";
import { createConnection } from "mysql2/promise";
import pg from "pg";
import type { DatabaseServers } from "../../../scripts/databases/debian-servers.ts";
import { type ConnectionEntry, connectionEntry } from "../../../shared/connections/entry.ts";
import { writeRevision } from "../../../shared/connections/revision.ts";
import { storeCatalogues } from "../../../shared/policy/changes/publications.ts";
import { writeSecret } from "../../../workers/connections/vault.ts";
import { publish, publishCatalogues, readState } from "../../support/publish.ts";

/** Servers of this machine; `null` for one that is not installed. */
export const SERVERS = (env as unknown as { TEST_SERVERS: DatabaseServers }).TEST_SERVERS;

/** Password of the accounts that tests make. */
export const PASSWORD = "only-reads-4711";

/** Runs statements as the owner of the PostgreSQL server, in a database. */
export async function asPostgresqlOwner(database: string, ...statements: string[]): Promise<unknown[][]> {
  const server = SERVERS.postgresql;
  if (server === null) throw new Error("PostgreSQL is not installed.");
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
  const server = SERVERS.mariadb;
  if (server === null) throw new Error("MariaDB is not installed.");
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

/** Makes a database with a shop, and an account that only reads it. */
export async function createShop(database: string): Promise<void> {
  await asPostgresqlOwner("postgres", `DROP DATABASE IF EXISTS ${database}`, `CREATE DATABASE ${database}`);
  await asPostgresqlOwner(
    database,
    `DO $$ BEGIN CREATE ROLE reader LOGIN PASSWORD '${PASSWORD}'; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
    "CREATE TABLE customers (id integer PRIMARY KEY, name text NOT NULL, email text, country text NOT NULL, owner text)",
    "CREATE TABLE orders (id bigint PRIMARY KEY, customer_id integer REFERENCES customers, placed_at timestamptz NOT NULL, total numeric(12,2) NOT NULL, note text)",
    "CREATE TABLE payroll (id integer PRIMARY KEY, salary numeric)",
    "COMMENT ON TABLE orders IS 'One row for each order of the web shop'",
    "INSERT INTO customers SELECT n, 'Customer ' || n, 'c' || n || '@people.example', (ARRAY['DE','FR','US'])[1 + n % 3], CASE WHEN n % 2 = 0 THEN 'user_ann' ELSE 'user_bob' END FROM generate_series(1, 60) n",
    "INSERT INTO orders SELECT n, 1 + n % 60, timestamptz '2026-01-01' + n * interval '1 hour', n * 1.5, repeat('x', 50) FROM generate_series(1, 3000) n",
    "INSERT INTO payroll VALUES (1, 100000)",
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    "GRANT USAGE ON SCHEMA public TO reader",
    "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",
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

/** Publishes these connections, and no others, and tells the Worker, as the command does. */
export async function publishConnections(
  connections: Record<string, ConnectionEntry>,
  password = PASSWORD,
): Promise<void> {
  for (const name of Object.keys(connections)) await writeSecret(env, name, password, Date.now());
  const documents = Object.entries(connections).map(([name, entry]) => [name, writeRevision(name, entry)]);
  await publishCatalogues(storeCatalogues(Object.fromEntries(documents), Date.now()));
  await announce();
}

/** Publishes a policy in which viewers, who may not see personal data, use a connection. */
export async function openToViewers(name: string): Promise<void> {
  await publish(({ roles }) => {
    const viewer = roles.viewer as NonNullable<typeof roles.viewer>;
    roles.viewer = {
      ...viewer,
      scopes: [...viewer.scopes, `${name}:read`],
      allowed_tools: [...viewer.allowed_tools, `${name}_*`],
    };
  });
  await announce();
}

async function announce(): Promise<void> {
  const { publication } = await readState();
  const body = JSON.stringify({ publication });
  const answer = await exports.default.fetch(new URL("/policy/changes", env.PUBLIC_URL), {
    method: "POST",
    headers: { "content-type": "application/json", "content-length": String(body.length) },
    body,
  });
  if (!answer.ok) throw new Error(`The publication was not taken: ${answer.status}`);
}
