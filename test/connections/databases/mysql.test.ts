import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { type ConnectionEntry, connectionEntry } from "../../../shared/connections/entry.ts";
import { connectionGate } from "../../../shared/objects/connection-gate.ts";
import { openToViewers, PASSWORD, publishConnections } from "../../support/publish-connections.ts";
import { LANES, openSession } from "../../support/session.ts";
import { asMariadbOwner, SERVERS } from "./servers.ts";

const DATABASE = "store";

function entry(more: Record<string, unknown> = {}): ConnectionEntry {
  const { host, port } = SERVERS.mariadb as NonNullable<typeof SERVERS.mariadb>;
  return connectionEntry.parse({
    kind: "mysql",
    title: "Store",
    description: "Articles in stock.",
    owner: "store@people.example",
    reach: { host, port, tls: "off", database: DATABASE, user: "reader" },
    expose: { tables: [`${DATABASE}.*`] },
    columns: { [`${DATABASE}.suppliers.email`]: "pii" },
    limits: { seconds: 1, rows: 100 },
    queries: {
      stock_below: {
        title: "Articles below a stock",
        description: "Articles of which fewer are there.",
        sql: "SELECT name, stock FROM articles WHERE stock < ? ORDER BY stock LIMIT 5",
        parameters: { stock: { type: "integer", description: "Pieces." } },
      },
    },
    ...more,
  });
}

const open = (lane: (typeof LANES)[number], role = "admin") =>
  openSession({ server: "store", lane, role, as: role, scopes: ["store:read"] });

describe.skipIf(SERVERS.mariadb === null)("a MariaDB connection", () => {
  beforeAll(async () => {
    await asMariadbOwner(
      `DROP DATABASE IF EXISTS ${DATABASE}`,
      `CREATE DATABASE ${DATABASE}`,
      `CREATE TABLE ${DATABASE}.articles (id int PRIMARY KEY, name varchar(80) NOT NULL, stock int, price decimal(10,2), changed datetime) COMMENT 'Goods in the store'`,
      `CREATE TABLE ${DATABASE}.suppliers (id int PRIMARY KEY, name varchar(80), email varchar(80))`,
      `INSERT INTO ${DATABASE}.articles SELECT seq, concat('Article ', seq), seq % 50, seq * 1.25, '2026-01-05 10:00:00' FROM (WITH RECURSIVE n AS (SELECT 1 AS seq UNION ALL SELECT seq + 1 FROM n WHERE seq < 900) SELECT seq FROM n) AS numbers`,
      `INSERT INTO ${DATABASE}.suppliers VALUES (1, 'Acme', 'sales@people.example')`,
      `CREATE TABLE ${DATABASE}.kinds (a tinyint, b bigint unsigned, c decimal(10,2), d double, e date, f time, g char(3), h varbinary(4), i text, j blob, k enum('x'), l set('y'), m json, n uuid)`,
      `INSERT INTO ${DATABASE}.kinds (a) VALUES (1)`,
      `CREATE TABLE ${DATABASE}.files (id int PRIMARY KEY, content longtext)`,
      `INSERT INTO ${DATABASE}.files VALUES (1, repeat('x', 10000000))`,
      "DROP USER IF EXISTS reader@'%'",
      `CREATE USER reader@'%' IDENTIFIED BY '${PASSWORD}'`,
      `GRANT SELECT ON ${DATABASE}.* TO reader@'%'`,
    );
    await publishConnections({ store: entry() });
  });

  describe.each(LANES)("on the %s lane", (lane) => {
    it("finds tables, and runs a statement with parameters", async () => {
      const session = await open(lane);
      const found = await session.call("store_search_objects", { words: "goods" });
      expect(found.data.tables[0]).toMatchObject({ table: "store.articles", about: "Goods in the store" });
      const { data, error } = await session.call("store_query", {
        sql: "SELECT id, name, price, changed FROM articles WHERE id > ? ORDER BY id",
        parameters: [10],
        limit: 2,
      });
      expect(error).toBeUndefined();
      expect(data.rows).toEqual([
        [11, "Article 11", "13.75", "2026-01-05 10:00:00"],
        [12, "Article 12", "15.00", "2026-01-05 10:00:00"],
      ]);
      expect(data.cut).toBe(true);
    });

    it("names the type of each column as its table declares it", async () => {
      const session = await open(lane);
      const { data } = await session.call("store_query", {
        sql: "SELECT a, b, c, d, e, f, g, h, i, j, k, l, m, n FROM kinds",
      });
      expect(data.columns.map(({ type }: { type: string }) => type)).toEqual([
        ...["tinyint", "bigint", "decimal", "double", "date", "time", "char", "varbinary", "text", "blob"],
        ...["enum", "set", "json", "uuid"],
      ]);
    });

    it("runs a named query", async () => {
      const { data } = await (await open(lane)).call("store_stock_below", { stock: 2 });
      expect(data.rows).toHaveLength(5);
    });
  });

  it("stops a statement at the database after its time limit, and goes on", async () => {
    const session = await open("stateless");
    const { error } = await session.call("store_query", {
      sql: "SELECT count(*) FROM articles a, articles b, articles c, articles d WHERE a.name < b.name",
    });
    expect(error).toMatchObject({ code: "timeout" });
    const [processes] = await asMariadbOwner(
      "SELECT count(*) AS n FROM information_schema.processlist WHERE user = 'reader' AND command IN ('Query', 'Execute')",
    );
    expect(Number((processes as { n: number }[])[0]?.n)).toBe(0);
    expect((await session.call("store_query", { sql: "SELECT 1 AS one" })).data.rows).toEqual([[1]]);
  });

  it("ends a statement at the database when its caller hangs up, and the next call is answered", async () => {
    const target = { name: "store", revision: "patient", entry: entry({ limits: { seconds: 60 } }) };
    const gate = connectionGate(env, "store", 0);
    const statements = async () => {
      const [rows] = await asMariadbOwner(
        "SELECT count(*) AS n FROM information_schema.processlist WHERE user = 'reader' AND info LIKE '%f.name%'",
      );
      return Number((rows as { n: number }[])[0]?.n);
    };
    const many = "articles a, articles b, articles c, articles d, articles e, articles f";
    const args = {
      sql: `SELECT count(*) FROM ${many} WHERE a.name < f.name`,
      values: [],
      rows: 10,
      bytes: 1_000,
    };
    const call = gate.run(target, {
      ...{ id: "leaves", operation: "query", arguments: args, identity: {}, timeoutMs: 60_000 },
      ...{ repeatable: true, note: "gatehouse test" },
    });
    await expect.poll(statements).toBe(1);
    await gate.cancel("leaves");
    expect(await call).toMatchObject({ ok: false });
    expect(await statements()).toBe(0);
    expect(
      (await (await open("stateless")).call("store_query", { sql: "SELECT 1 AS one" })).data.rows,
    ).toEqual([[1]]);
  });

  it("ends a statement at the database of which enough rows were read", async () => {
    const session = await open("stateless");
    const sql = "SELECT a.name, b.name AS enough FROM articles a, articles b, articles c";
    expect((await session.call("store_query", { sql, limit: 2 })).data).toMatchObject({ cut: true });
    const left = async () => {
      const [rows] = await asMariadbOwner(
        "SELECT count(*) AS n FROM information_schema.processlist WHERE user = 'reader' AND info LIKE '%AS enough%'",
      );
      return Number((rows as { n: number }[])[0]?.n);
    };
    await expect.poll(left).toBe(0);
  });

  it("refuses one value that is larger than an object may hold, and goes on", async () => {
    const session = await open("stateless");
    const { error } = await session.call("store_query", { sql: "SELECT content FROM files" });
    expect(error).toMatchObject({ code: "invalid_input", message: expect.stringContaining("too large") });
    expect((await session.call("store_query", { sql: "SELECT 1 AS one" })).data.rows).toEqual([[1]]);
  });

  it("names the closest table, and never a host, a user or a driver's text", async () => {
    const session = await open("stateless");
    for (const [sql, expected] of [
      ["SELECT * FROM artikles", /articles/],
      ["SELECT stok FROM articles", /stock|stok/],
      ["SELECT load_file('/etc/passwd')", /load_file/i],
      ["SELECT * FROM articles INTO OUTFILE '/tmp/x'", /./],
    ] as const) {
      const { error } = await session.call("store_query", { sql });
      expect(error?.code, sql).toMatch(/invalid_input|forbidden|not_found/);
      expect(error?.message, sql).toMatch(expected);
      expect(JSON.stringify(error)).not.toMatch(/127\.0\.0\.1|reader/);
    }
  });

  it("leaves no way to a column that the role may not see", async () => {
    await openToViewers("store");
    const viewer = await open("stateless", "viewer");
    for (const sql of [
      "SELECT * FROM suppliers",
      "SELECT email FROM suppliers",
      "SELECT id FROM suppliers WHERE email LIKE 's%'",
    ]) {
      expect((await viewer.call("store_query", { sql })).error?.code, sql).toMatch(/forbidden|invalid_input/);
    }
    expect((await viewer.call("store_query", { sql: "SELECT name FROM suppliers" })).data.rows).toEqual([
      ["Acme"],
    ]);
  });
});
