import { type ConnectionEntry, connectionEntry } from "../../../shared/connections/entry.ts";
import { writeSecret } from "../../../workers/connections/vault.ts";
import { publishConnections } from "../../connections/published.ts";
import type { DatabaseServers, ServerAddress } from "../../databases/debian-servers.ts";
import { readEnvironment } from "../../local/project.ts";
import { platformDatabase } from "../../platform/database.ts";

/** Password of the accounts that the bench makes. */
export const PASSWORD = "only-reads-for-the-bench";

/** Rows of the large table. */
export const MANY = 1_000_000;

const ROWS = 1_000;

/** Makes the same tables in PostgreSQL and MariaDB, and hashes in Redis, each with an account that reads. */
export async function fillServers({ postgresql, mariadb, redis }: DatabaseServers): Promise<void> {
  await Promise.all([
    postgresql && fillPostgresql(postgresql),
    mariadb && fillMariadb(mariadb),
    redis && fillRedis(redis),
  ]);
}

async function fillPostgresql(server: ServerAddress): Promise<void> {
  const { default: pg } = await import("pg");
  const client = new pg.Client({ ...server, database: "postgres" });
  await client.connect();
  await client.query(`
    CREATE TABLE people (id int PRIMARY KEY, name text, country text, joined date);
    INSERT INTO people SELECT g, 'Person ' || g, (ARRAY['DE','FR','SE'])[1 + g % 3], date '2026-01-01' + g % 300 FROM generate_series(1, ${ROWS}) g;
    CREATE TABLE many (id int PRIMARY KEY, filler text);
    INSERT INTO many SELECT g, repeat('x', 100) FROM generate_series(1, ${MANY}) g;
    CREATE ROLE reader LOGIN PASSWORD '${PASSWORD}';
    GRANT SELECT ON people, many TO reader;
    ANALYZE`);
  await client.end();
}

async function fillMariadb(server: ServerAddress): Promise<void> {
  const { createConnection } = await import("mysql2/promise");
  const connection = await createConnection({ ...server, multipleStatements: true });
  await connection.query(`
    CREATE DATABASE bench; USE bench;
    CREATE TABLE people (id int PRIMARY KEY, name varchar(80), country varchar(2), joined date);
    INSERT INTO people SELECT seq, concat('Person ', seq), elt(1 + seq % 3, 'DE', 'FR', 'SE'), date '2026-01-01' + interval seq % 300 day FROM seq_1_to_${ROWS};
    CREATE TABLE many (id int PRIMARY KEY, filler varchar(100));
    INSERT INTO many SELECT seq, repeat('x', 100) FROM seq_1_to_${MANY};
    CREATE USER reader@'%' IDENTIFIED BY '${PASSWORD}';
    GRANT SELECT ON bench.* TO reader@'%'`);
  await connection.end();
}

async function fillRedis({ host, port, password }: ServerAddress): Promise<void> {
  const { Redis } = await import("ioredis");
  const client = new Redis({ host, port, password, lazyConnect: true });
  await client.connect();
  const acl = `SETUSER reader on >${PASSWORD} ~* &* -@all +@read +@connection -@dangerous -keys`;
  await client.call("ACL", ...acl.split(" "));
  for (let id = 1; id <= ROWS; id += 1)
    await client.hset(`person:${id}`, {
      name: `Person ${id}`,
      country: "DE",
      joined: "2026-01-01",
      visits: id,
    });
  client.disconnect();
}

/** An entry on one of the servers; `port` leads to it in another way. */
export function entryOf(
  kind: "postgresql" | "mysql" | "redis",
  server: ServerAddress,
  port = server.port,
  limits: object = {},
): ConnectionEntry {
  const place = { host: "127.0.0.1", port, tls: "off", user: "reader" };
  const common = { kind, title: "Bench", description: "What the bench asks.", owner: "bench", limits };
  if (kind === "redis")
    return connectionEntry.parse({ ...common, reach: place, expose: { prefixes: ["person:"] } });
  const [database, schema] = kind === "mysql" ? ["bench", "bench"] : ["postgres", "public"];
  return connectionEntry.parse({
    ...common,
    reach: { ...place, database },
    expose: { tables: [`${schema}.*`] },
  });
}

/** Puts connections in force before the Worker has answered anything. */
export async function putInForce(
  connection: D1Database,
  entries: Readonly<Record<string, ConnectionEntry>>,
  state: string,
): Promise<void> {
  const env = { ...readEnvironment("local").vars, PLATFORM_DB: connection } as unknown as Env;
  for (const name of Object.keys(entries)) await writeSecret(env, name, PASSWORD, Date.now());
  const wanted = Object.entries(entries).map(([name, entry]) => [name, { entry, definitions: [] }]);
  await publishConnections(platformDatabase(connection), Object.fromEntries(wanted), {
    place: { env: "local", state },
    note: "bench",
  });
}
