import { beforeAll, describe, expect, it } from "vitest";
import { connectionEntry } from "../../../shared/connections/entry.ts";
import { openToViewers, PASSWORD, publishConnections } from "../../support/publish-connections.ts";
import { openSession } from "../../support/session.ts";
import { asMariadbOwner, asPostgresqlOwner, createShop, SERVERS, shopEntry } from "./servers.ts";

const DATABASE = "shop_views";

const open = (server: string, role: string) =>
  openSession({ server, lane: "stateless", as: role, role, scopes: [`${server}:read`] });

/** Named queries, each with the statement that its name stands for. */
const queriesOf = (statements: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(statements).map(([name, sql]) => [
      name,
      { title: name, description: "Written by the company.", sql },
    ]),
  );

describe.skipIf(SERVERS.postgresql === null)("classes of columns in PostgreSQL hold", () => {
  beforeAll(async () => {
    await createShop(DATABASE);
    await asPostgresqlOwner(
      DATABASE,
      "CREATE TABLE visits (day date NOT NULL, email text, pages integer) PARTITION BY RANGE (day)",
      "CREATE TABLE visits_2026 PARTITION OF visits FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY RANGE (day)",
      "CREATE TABLE visits_2026_11 PARTITION OF visits_2026 FOR VALUES FROM ('2026-11-01') TO ('2026-12-01')",
      "INSERT INTO visits VALUES ('2026-11-02', 'visit@people.example', 3)",
      "CREATE TABLE old_customers (closed date) INHERITS (customers)",
      "INSERT INTO old_customers VALUES (900, 'Old', 'old@people.example', 'DE', 'user_ann', '2026-01-01')",
      "CREATE TABLE archive (id integer, iban text)",
      "CREATE TABLE archive_2025 () INHERITS (archive)",
      "INSERT INTO archive_2025 VALUES (1, 'DE02120300000000202051')",
      "CREATE VIEW contacts AS SELECT id, email AS m FROM customers",
      "CREATE VIEW contacts_of_contacts AS SELECT id, m AS n FROM contacts",
      "CREATE MATERIALIZED VIEW kept_contacts AS SELECT id, lower(email) AS m FROM customers",
      "CREATE VIEW visitors AS SELECT email AS m FROM visits_2026_11",
      "CREATE VIEW classified AS SELECT id, email AS m FROM customers",
      "CREATE VIEW totals AS SELECT customer_id, sum(total) AS total FROM orders GROUP BY 1",
      "CREATE FUNCTION first_email() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT email FROM public.customers ORDER BY id LIMIT 1'",
      "CREATE VIEW by_function AS SELECT first_email() AS m",
      "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",
    );
    await publishConnections({
      shop: shopEntry(DATABASE, {
        columns: {
          "public.customers.email": "pii",
          "public.visits.email": "pii",
          "public.archive_2025.iban": "pii",
          "public.classified.id": "internal",
          "public.classified.m": "pii",
        },
        queries: queriesOf({
          partition: "SELECT email FROM visits_2026_11",
          view: "SELECT id, m FROM contacts_of_contacts AS c(id, m) ORDER BY id",
          both: "SELECT email FROM customers WHERE id = 1 UNION ALL SELECT email FROM customers WHERE id = 2",
          lower: "SELECT lower(email) AS low FROM customers WHERE id = 1",
          hard: "SELECT encode(convert_to(email, 'UTF8'), 'base64') AS e FROM customers WHERE id = 1",
          countries: "SELECT country, count(*) AS n FROM customers GROUP BY 1 ORDER BY 1",
        }),
      }),
    });
    await openToViewers("shop");
  });

  it.each([
    "SELECT email FROM visits",
    "SELECT email FROM visits_2026",
    "SELECT email FROM visits_2026_11",
    "SELECT email FROM old_customers",
    "SELECT iban FROM archive",
    "SELECT iban FROM archive_2025",
    "SELECT m FROM contacts",
    "SELECT id FROM contacts",
    "SELECT count(*) FROM contacts",
    "SELECT n FROM contacts_of_contacts",
    "SELECT m FROM kept_contacts",
    "SELECT m FROM visitors",
    "SELECT m FROM classified",
    "SELECT m FROM by_function",
  ])("in partitions, tables that inherit, and views: %s", async (sql) => {
    const { error } = await (await open("shop", "viewer")).call("shop_query", { sql });
    expect(error?.code).toBe("forbidden");
    expect((await (await open("shop", "admin")).call("shop_query", { sql })).error).toBeUndefined();
  });

  it.each([
    "SELECT day, pages FROM visits_2026_11",
    "SELECT id, closed FROM old_customers",
    "SELECT id FROM archive",
    "SELECT id FROM classified",
    "SELECT * FROM totals LIMIT 1",
  ])("and leave what no classified column is in: %s", async (sql) => {
    expect((await (await open("shop", "viewer")).call("shop_query", { sql })).error).toBeUndefined();
  });

  it("and the refusal of a view says what its owner can do", async () => {
    const viewer = await open("shop", "viewer");
    const { error } = await viewer.call("shop_query", { sql: "SELECT m FROM contacts" });
    expect(error?.message).toMatch(/view "contacts" reads .*hidden from your role.*classify/);
    const { data } = await viewer.call("shop_search_objects", { table: "contacts" });
    expect(data.tables[0].columns).toContain("m text, not for your role");
  });

  it.each(["partition", "view", "both", "lower", "hard"])("in the named query %s", async (name) => {
    const admin = await (await open("shop", "admin")).call(`shop_${name}`);
    const viewer = await (await open("shop", "viewer")).call(`shop_${name}`);
    expect(admin.error ?? viewer.error).toBeUndefined();
    const shown = String(admin.data.rows[0].at(-1));
    expect(shown).not.toContain("•");
    expect(JSON.stringify(viewer.data.rows)).not.toContain(shown);
  });

  it("and a named query shows what it computes from other columns", async () => {
    const { data } = await (await open("shop", "viewer")).call("shop_countries");
    expect(data.rows.map(([country]: [string]) => country)).toEqual(["DE", "FR", "US"]);
    expect(data.rows[0][1]).toBeGreaterThan(10);
  });
});

describe.skipIf(SERVERS.mariadb === null)("classes of columns in MariaDB hold", () => {
  beforeAll(async () => {
    await asMariadbOwner(
      "DROP DATABASE IF EXISTS viewed",
      "CREATE DATABASE viewed",
      "CREATE TABLE viewed.people (id int PRIMARY KEY, email varchar(80))",
      "INSERT INTO viewed.people VALUES (1, 'ann@people.example')",
      "CREATE TABLE viewed.goods (id int PRIMARY KEY, name varchar(80))",
      "INSERT INTO viewed.goods VALUES (1, 'Lamp')",
      "CREATE VIEW viewed.contacts AS SELECT p.id, p.email AS m FROM viewed.people p",
      "CREATE VIEW viewed.further AS SELECT c.m AS n FROM viewed.goods g, viewed.contacts c",
      "CREATE ALGORITHM=TEMPTABLE VIEW viewed.copied AS SELECT lower(email) AS m FROM viewed.people",
      "CREATE VIEW viewed.articles AS SELECT g.name, count(*) AS n FROM viewed.goods g JOIN viewed.goods h ON g.id = h.id GROUP BY g.name",
      ...["blind", "seeing"].flatMap((user) => [
        `DROP USER IF EXISTS ${user}@'%'`,
        `CREATE USER ${user}@'%' IDENTIFIED BY '${PASSWORD}'`,
        `GRANT SELECT ON viewed.* TO ${user}@'%'`,
      ]),
      "GRANT SHOW VIEW ON viewed.* TO seeing@'%'",
    );
    const { host, port } = SERVERS.mariadb as NonNullable<typeof SERVERS.mariadb>;
    const entryOf = (user: string) =>
      connectionEntry.parse({
        kind: "mysql",
        title: "Viewed",
        description: "People and goods.",
        owner: "store@people.example",
        reach: { host, port, tls: "off", database: "viewed", user },
        expose: { tables: ["viewed.*"] },
        columns: { "viewed.people.email": "pii" },
        queries: queriesOf({
          view: "SELECT m FROM contacts",
          both: "SELECT email FROM people UNION ALL SELECT email FROM people",
          lower: "SELECT lower(email) AS low FROM people",
          inner: "SELECT m FROM (SELECT lower(email) AS m FROM people) d",
          copied: "SELECT m FROM copied",
        }),
      });
    await publishConnections({ blind: entryOf("blind"), seeing: entryOf("seeing") });
    await openToViewers("blind", "seeing");
  });

  it.each(["contacts", "further", "copied"])("in the view %s", async (view) => {
    for (const server of ["blind", "seeing"]) {
      const sql = `SELECT * FROM ${view}`;
      const { error } = await (await open(server, "viewer")).call(`${server}_query`, { sql });
      expect(error?.code, server).toBe("forbidden");
      const admin = await (await open(server, "admin")).call(`${server}_query`, { sql });
      expect(admin.error ?? admin.data.rows, server).toHaveLength(1);
    }
  });

  it("and leave a view of other tables to a role, where the account may see what it reads", async () => {
    const sql = "SELECT name, n FROM articles";
    const seen = await (await open("seeing", "viewer")).call("seeing_query", { sql });
    expect(seen.error ?? seen.data.rows).toEqual([["Lamp", 1]]);
    const blind = await (await open("blind", "viewer")).call("blind_query", { sql });
    expect(blind.error).toMatchObject({ code: "forbidden" });
  });

  it.each(["view", "both", "lower", "inner", "copied"])("in the named query %s", async (name) => {
    const admin = await (await open("seeing", "admin")).call(`seeing_${name}`);
    expect(admin.data.rows[0]).toEqual(["ann@people.example"]);
    const { data, error } = await (await open("seeing", "viewer")).call(`seeing_${name}`);
    expect(error).toBeUndefined();
    expect(JSON.stringify(data.rows)).not.toContain("ann@people");
  });
});
