import { beforeAll, describe, expect, it } from "vitest";
import { connectionEntry } from "../../../shared/connections/entry.ts";
import { PASSWORD, publishConnections } from "../../support/publish-connections.ts";
import { openSession, type TestSession } from "../../support/session.ts";
import { HONEST as HONEST_MYSQL } from "../attempts/honest-mysql.ts";
import { HONEST as HONEST_POSTGRESQL } from "../attempts/honest-postgresql.ts";
import { ATTEMPTS as MYSQL_ATTEMPTS } from "../attempts/mysql.ts";
import { ATTEMPTS as POSTGRESQL_ATTEMPTS } from "../attempts/postgresql.ts";
import { asMariadbOwner, asPostgresqlOwner, SERVERS } from "./servers.ts";

const DATABASE = "shop";

/** Calls at the same moment. */
const TOGETHER = 8;

/** Every statement through the tool of the connection; gives those that did not end as `judge` wants. */
async function tryAll(
  session: TestSession,
  tool: string,
  statements: readonly string[],
  judge: (code: string | null) => boolean,
): Promise<string[]> {
  const wrong: string[] = [];
  for (let from = 0; from < statements.length; from += TOGETHER) {
    await Promise.all(
      statements.slice(from, from + TOGETHER).map(async (sql) => {
        const count = tool.startsWith("shop")
          ? new Set(sql.match(/\$\d/g)).size
          : (sql.match(/ \?/g) ?? []).length;
        const parameters = Array.from({ length: count }, () => 1);
        const { error } = await session.call(tool, { sql, limit: 5, parameters });
        if (!judge(error?.code ?? null))
          wrong.push(`${error?.code ?? "ran"} ${error?.message ?? ""}: ${sql}`);
      }),
    );
  }
  return wrong;
}

const isRefused = (code: string | null) => code === "forbidden" || code === "invalid_input";

describe.skipIf(SERVERS.postgresql === null)("statements of a model on PostgreSQL", () => {
  let session: TestSession;

  const stateOf = async () =>
    JSON.stringify(
      await asPostgresqlOwner(
        DATABASE,
        "SELECT relname, relkind, (SELECT count(*) FROM pg_attribute WHERE attrelid = c.oid) AS n FROM pg_class c JOIN pg_namespace s ON s.oid = relnamespace WHERE nspname IN ('public', 'hr') ORDER BY 1",
        "SELECT count(*) FROM pg_largeobject_metadata",
        "SELECT count(*), (SELECT count(*) FROM orders), (SELECT count(*) FROM secrets) FROM customers",
        "SELECT name, setting FROM pg_settings WHERE source = 'configuration file' ORDER BY 1",
        "SELECT count(*) FROM pg_collation",
        // Other files make roles of their own at this server meanwhile.
        "SELECT rolname, rolsuper, rolconfig FROM pg_roles WHERE rolname NOT LIKE 'test\\_%' ORDER BY 1",
      ),
    );

  beforeAll(async () => {
    await asPostgresqlOwner("postgres", `DROP DATABASE IF EXISTS ${DATABASE}`, `CREATE DATABASE ${DATABASE}`);
    await asPostgresqlOwner(
      DATABASE,
      `DO $$ BEGIN CREATE ROLE reader LOGIN PASSWORD '${PASSWORD}'; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
      "CREATE SCHEMA hr",
      "CREATE TABLE customers (id int PRIMARY KEY, name text, email text, phone text, country text, tags text[], created_at timestamptz, notes text)",
      "CREATE TABLE orders (id int PRIMARY KEY, customer_id int REFERENCES customers, status text, total numeric(12,2), ordered_at timestamptz, data jsonb)",
      "CREATE TABLE products (id int PRIMARY KEY, name text, category text, price numeric(12,2), attributes jsonb)",
      "CREATE TABLE order_items (order_id int, product_id int, qty int, price numeric(12,2))",
      "CREATE TABLE secrets (id int, value text)",
      "CREATE TABLE hr.staff (id int PRIMARY KEY, name text, email text, salary numeric, manager_id int)",
      "INSERT INTO customers SELECT n, 'C' || n, 'c' || n || '@people.example', '+4930' || n, 'DE', ARRAY['a', 'b'], now(), 'note' FROM generate_series(1, 30) n",
      `INSERT INTO orders SELECT n, 1 + n % 30, 'paid', n, now() - n * interval '1 day', '{"a": {"b": [1]}, "items": [{"k": 1}]}' FROM generate_series(1, 200) n`,
      "INSERT INTO secrets VALUES (1, 'hidden')",
      "GRANT USAGE ON SCHEMA public, hr TO reader",
      "GRANT SELECT ON ALL TABLES IN SCHEMA public, hr TO reader",
      "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    );
    const { host, port } = SERVERS.postgresql as NonNullable<typeof SERVERS.postgresql>;
    const entry = connectionEntry.parse({
      kind: "postgresql",
      title: "Shop",
      description: "Orders of the shop.",
      owner: "shop@people.example",
      reach: { host, port, tls: "off", database: DATABASE, user: "reader" },
      expose: { tables: ["public.*", "hr.*"], except: ["public.secrets"] },
      limits: { seconds: 2 },
      identity: { "app.user_id": "user_id" },
    });
    await publishConnections({ shop: entry });
    session = await openSession({ server: "shop", lane: "stateless", scopes: ["shop:read"] });
  });

  it("are refused in every attempt to write, to leave the tables, or to change limit and identity; nothing changed", async () => {
    const before = await stateOf();
    const statements = [...new Set(POSTGRESQL_ATTEMPTS.map(({ sql }) => sql))];
    expect(statements.length).toBeGreaterThanOrEqual(200);
    expect(await tryAll(session, "shop_query", statements, isRefused)).toEqual([]);
    expect(await stateOf()).toBe(before);
  }, 240_000);

  it("run when they only ask for what the connection exposes", async () => {
    expect(await tryAll(session, "shop_query", HONEST_POSTGRESQL, (code) => code === null)).toEqual([]);
  }, 120_000);
});

describe.skipIf(SERVERS.mariadb === null)("statements of a model on MariaDB", () => {
  let session: TestSession;

  const stateOf = async () =>
    JSON.stringify(
      await asMariadbOwner(
        "SELECT table_schema, table_name, table_type FROM information_schema.tables WHERE table_schema NOT IN ('information_schema', 'performance_schema', 'sys', 'mysql') ORDER BY 1, 2",
        `SELECT count(*), (SELECT count(*) FROM ${DATABASE}.orders), (SELECT count(*) FROM ${DATABASE}.secrets) FROM ${DATABASE}.customers`,
        "SELECT user, host FROM mysql.user ORDER BY 1, 2",
        "SELECT @@GLOBAL.max_statement_time, @@GLOBAL.sql_mode",
      ),
    );

  beforeAll(async () => {
    await asMariadbOwner(
      `DROP DATABASE IF EXISTS ${DATABASE}`,
      "DROP DATABASE IF EXISTS hr",
      `CREATE DATABASE ${DATABASE} CHARACTER SET utf8mb4`,
      "CREATE DATABASE hr",
      `CREATE TABLE ${DATABASE}.customers (id int PRIMARY KEY, name varchar(80), email varchar(80), phone varchar(40), country char(2), tags json, created_at datetime, notes text, FULLTEXT (name, notes))`,
      `CREATE TABLE ${DATABASE}.orders (id int PRIMARY KEY, customer_id int, status varchar(20), total decimal(12,2), ordered_at datetime, data json)`,
      `CREATE TABLE ${DATABASE}.products (id int PRIMARY KEY, name varchar(80), category varchar(40), price decimal(12,2), attributes json)`,
      `CREATE TABLE ${DATABASE}.order_items (order_id int, product_id int, qty int, price decimal(12,2))`,
      `CREATE TABLE ${DATABASE}.secrets (id int, value text)`,
      "CREATE TABLE hr.staff (id int PRIMARY KEY, name varchar(80), email varchar(80), salary decimal(12,2), manager_id int)",
      `INSERT INTO ${DATABASE}.customers VALUES (1, 'C1', 'c1@people.example', '+49301', 'DE', '["a"]', now(), 'note')`,
      `INSERT INTO ${DATABASE}.orders VALUES (1, 1, 'paid', 5, now(), '{"a": {"b": [1]}, "items": [{"k": 1}]}')`,
      `INSERT INTO ${DATABASE}.secrets VALUES (1, 'hidden')`,
      "DROP USER IF EXISTS reader@'%'",
      `CREATE USER reader@'%' IDENTIFIED BY '${PASSWORD}'`,
      `GRANT SELECT ON ${DATABASE}.* TO reader@'%'`,
      "GRANT SELECT ON hr.* TO reader@'%'",
    );
    const { host, port } = SERVERS.mariadb as NonNullable<typeof SERVERS.mariadb>;
    const entry = connectionEntry.parse({
      kind: "mysql",
      title: "Store",
      description: "Orders of the store.",
      owner: "store@people.example",
      reach: { host, port, tls: "off", database: DATABASE, user: "reader" },
      expose: { tables: [`${DATABASE}.*`, "hr.*"], except: [`${DATABASE}.secrets`] },
      limits: { seconds: 2 },
    });
    await publishConnections({ store: entry });
    session = await openSession({ server: "store", lane: "stateless", scopes: ["store:read"] });
  });

  it("are refused in every attempt to write, to leave the tables, or to change limit and identity; nothing changed", async () => {
    const before = await stateOf();
    const statements = [...new Set(MYSQL_ATTEMPTS.map(({ sql }) => sql))];
    expect(statements.length).toBeGreaterThanOrEqual(200);
    expect(await tryAll(session, "store_query", statements, isRefused)).toEqual([]);
    expect(await stateOf()).toBe(before);
  }, 240_000);

  it("run when they only ask for what the connection exposes", async () => {
    expect(await tryAll(session, "store_query", HONEST_MYSQL, (code) => code === null)).toEqual([]);
  }, 120_000);
});
