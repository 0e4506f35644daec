import { describe, expect, it } from "vitest";
import { connectionEntry } from "../../../shared/connections/entry.ts";
import { PASSWORD } from "../../support/publish-connections.ts";
import { command } from "../mcp/gateway.ts";
import { asMariadbOwner, asPostgresqlOwner, createShop, SERVERS, shopEntry } from "./servers.ts";

const CHECKED = "shop_checked";

const NUMBER = { type: "integer", description: "Number of the customer." };
const query = (sql: string, effect: string, parameters: object) => ({
  ...{ title: "A query", description: "Asks or writes.", sql, effect, parameters },
});

/** Named queries with one mistake each, and what a test says of them; `$1` is written as the kind does. */
const WRONG: Readonly<
  Record<string, readonly [sql: string, parameters: number, effect: string, says: RegExp | null]>
> = {
  fits: ["SELECT name FROM customers WHERE id = $1", 1, "read", null],
  writes: ["UPDATE customers SET name = 'x' WHERE id = $1", 1, "update", null],
  column: [
    "SELECT nmae FROM customers",
    0,
    "read",
    /^sql: The column "?nmae"? does not exist\. Did you mean "name"\?$/,
  ],
  table: [
    "SELECT 1 FROM custommers",
    0,
    "read",
    /^sql: The table "?\S*custommers"? does not exist\. Did you mean "\S*customers"\?$/,
  ],
  syntax: ["SELECT name FORM customers WHERE", 0, "read", /^sql: The statement is not valid SQL/],
  few: [
    "SELECT name FROM customers WHERE id = $1",
    0,
    "read",
    /^parameters: The statement takes 1 parameter, and 0 are declared\.$/,
  ],
  many: [
    "SELECT name FROM customers WHERE id = $1",
    2,
    "read",
    /^parameters: The statement takes 1 parameter, and 2 are declared\.$/,
  ],
  hidden: [
    "DELETE FROM customers WHERE id = $1",
    1,
    "read",
    /^effect: The statement changes or locks rows, and it is declared to read\.$/,
  ],
  locks: [
    "SELECT name FROM customers WHERE id = $1 FOR UPDATE",
    1,
    "read",
    /^effect: The statement changes or locks rows/,
  ],
  two: ["SELECT 1; DELETE FROM customers", 0, "read", /^sql: The statement is not valid SQL/],
};

/** Statements that make a database of MariaDB with one customer. */
const customersIn = (database: string) => [
  `DROP DATABASE IF EXISTS ${database}`,
  `CREATE DATABASE ${database}`,
  `CREATE TABLE ${database}.customers (id int PRIMARY KEY, name varchar(80))`,
  `INSERT INTO ${database}.customers VALUES (1, 'one')`,
];

/** An entry for such a database, with the account of its owner. */
function ofMariadb(database: string, more: object) {
  const { host, port, user } = SERVERS.mariadb as NonNullable<typeof SERVERS.mariadb>;
  return connectionEntry.parse({
    ...{ kind: "mysql", title: "Customers", description: "Customers.", owner: "x" },
    reach: { host, port, tls: "off", database, user },
    expose: { tables: [`${database}.*`] },
    ...more,
  });
}

describe("named queries of which one is wrong", () => {
  const queriesIn = (placeholder: string) =>
    Object.fromEntries(
      Object.entries(WRONG).map(([name, [sql, parameters, effect]]) => [
        name,
        query(
          sql.replace("$1", placeholder),
          effect,
          Object.fromEntries(Array.from({ length: parameters }, (_, at) => [`p${at}`, NUMBER])),
        ),
      ]),
    );

  async function expectNamed(entry: object, secret: string | null) {
    const { ok, report, failure } = await command({ command: "test", connection: "checked", entry, secret });
    expect(failure).toBeUndefined();
    expect(ok).toBe(true);
    const said = new Map<string, string>(
      report.mistakes.map((line: string) => {
        const [, name = "", text = ""] = /^queries\.(\w+)\.(.*)$/.exec(line) ?? ["", line];
        return [name, text];
      }),
    );
    for (const [name, [, , , says]] of Object.entries(WRONG)) {
      if (says === null) expect(said.get(name), name).toBeUndefined();
      else expect(said.get(name), name).toMatch(says);
    }
  }

  it.skipIf(SERVERS.postgresql === null)(
    "are named by a test of a PostgreSQL connection, which runs none",
    async () => {
      await createShop(CHECKED);
      await asPostgresqlOwner(CHECKED, "GRANT UPDATE, DELETE ON customers TO reader");
      const identity = { "app.user_id": "user_id" };
      const more = { queries: queriesIn("$1"), allow_privileged_role: true, identity };
      await expectNamed(shopEntry(CHECKED, more), PASSWORD);
      const [rows] = await asPostgresqlOwner(
        CHECKED,
        "SELECT count(*)::int AS n FROM customers WHERE name <> 'x'",
      );
      expect(rows).toEqual([{ n: 60 }]);
      // What the account may not do is said before it is published, too.
      await asPostgresqlOwner(CHECKED, "REVOKE UPDATE ON customers FROM reader");
      const { report } = await command({
        ...{ command: "test", connection: "checked", secret: PASSWORD },
        entry: shopEntry(CHECKED, more),
      });
      expect(report.mistakes.join("\n")).toMatch(/queries\.writes\.sql: The account of Shop may not/);
    },
  );

  it.skipIf(SERVERS.mariadb === null)(
    "are named by a test of a MariaDB connection, which runs none",
    async () => {
      await asMariadbOwner(...customersIn("checked"));
      const { password } = SERVERS.mariadb as NonNullable<typeof SERVERS.mariadb>;
      const entry = ofMariadb("checked", {
        queries: queriesIn("?"),
      });
      await expectNamed(entry, password);
      expect(await asMariadbOwner("SELECT name FROM checked.customers")).toEqual([[{ name: "one" }]]);
    },
  );

  it.skipIf(SERVERS.postgresql === null)(
    "are named by a test of a PostgreSQL connection through Hyperdrive, which takes no PREPARE",
    async () => {
      await asPostgresqlOwner("postgres", "DROP DATABASE IF EXISTS bound", "CREATE DATABASE bound");
      await asPostgresqlOwner(
        "bound",
        `DO $$ BEGIN CREATE ROLE bound LOGIN PASSWORD '${PASSWORD}'; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
        "CREATE TABLE customers (id integer PRIMARY KEY, name text)",
        "GRANT SELECT, UPDATE, DELETE ON customers TO bound",
      );
      const reach = { hyperdrive: "BOUND_POSTGRESQL" };
      const more = { reach, queries: queriesIn("$1"), allow_privileged_role: true, columns: {} };
      await expectNamed(shopEntry("bound", more), null);
    },
  );

  it.skipIf(SERVERS.mariadb === null)(
    "are named by a test of a MariaDB connection through Hyperdrive",
    async () => {
      await asMariadbOwner(
        "DROP DATABASE IF EXISTS bound",
        "CREATE DATABASE bound",
        "CREATE TABLE bound.customers (id int PRIMARY KEY, name varchar(80))",
        "DROP USER IF EXISTS bound@'%'",
        `CREATE USER bound@'%' IDENTIFIED BY '${PASSWORD}'`,
        "GRANT SELECT, UPDATE, DELETE ON bound.* TO bound@'%'",
      );
      const entry = connectionEntry.parse({
        ...{ kind: "mysql", title: "Bound", description: "Customers.", owner: "x" },
        ...{ reach: { hyperdrive: "BOUND_MARIADB" }, expose: { tables: ["bound.*"] } },
        ...{ queries: queriesIn("?"), allow_privileged_role: true },
      });
      await expectNamed(entry, null);
    },
  );
});

it.skipIf(SERVERS.postgresql === null)(
  "named queries of PostgreSQL that are declared to read, and do more, are named by a test, which runs none",
  async () => {
    await createShop(CHECKED);
    await asPostgresqlOwner(
      CHECKED,
      "CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM customers",
      "ALTER MATERIALIZED VIEW counted OWNER TO reader",
      "GRANT CREATE ON SCHEMA public TO reader",
      "GRANT DELETE ON customers TO reader",
    );
    const reads: Record<string, string> = {
      plain: "SELECT name FROM customers",
      noted: "-- first\n/* the second */ (( SELECT name FROM customers ) LIMIT 1)",
      named: 'WITH c AS (SELECT \'INTO\' AS "INTO" FROM customers) SELECT "INTO" FROM c',
      values: "VALUES (1), (2)",
      table: "TABLE customers",
      empty: "SELECT FROM customers",
    };
    const others: Record<string, string> = {
      refreshed: "REFRESH MATERIALIZED VIEW counted",
      created: "CREATE TABLE copied AS SELECT * FROM customers",
      selected: "SELECT * INTO copied FROM customers",
      within: "/* a */ WITH c AS (SELECT * FROM customers) SELECT * INTO copied FROM c",
      temporary: "SELECT name INTO TEMP copied FROM customers",
      commented: `${"/* a * b */ ".repeat(40)}DELETE FROM customers`,
      declared: "DECLARE kept CURSOR FOR SELECT * FROM customers",
      deleted: "WITH gone AS (DELETE FROM customers RETURNING id) SELECT id FROM gone",
    };
    const queries = Object.fromEntries(
      Object.entries({ ...reads, ...others }).map(([name, sql]) => [name, query(sql, "read", {})]),
    );
    const { ok, report } = await command({
      ...{ command: "test", connection: "checked", secret: PASSWORD },
      entry: shopEntry(CHECKED, { queries, allow_privileged_role: true }),
    });
    expect(ok).toBe(true);
    const said = report.mistakes.filter((line: string) => line.startsWith("queries."));
    const named = said.map((line: string) => line.replace(/^queries\.(\w+)\..*$/, "$1"));
    expect(named).toEqual(Object.keys(others));
    for (const line of said) expect(line).toMatch(/\.effect: The statement changes or locks rows/);
    const [tables] = await asPostgresqlOwner(CHECKED, "SELECT to_regclass('copied') AS copied");
    expect(tables).toEqual([{ copied: null }]);
  },
);

describe("calls of procedures of which one is wrong", () => {
  const call = (sql: string, ...types: string[]) =>
    query(sql, "update", Object.fromEntries(types.map((type, at) => [`p${at}`, { ...NUMBER, type }])));

  async function mistakesOf(entry: object, secret: string): Promise<string[]> {
    const { failure, report } = await command({ command: "test", connection: "checked", entry, secret });
    expect(failure).toBeUndefined();
    return report.mistakes.filter((line: string) => line.startsWith("queries."));
  }

  it.skipIf(SERVERS.mariadb === null)(
    "are named by a test of a MariaDB connection, which calls none",
    async () => {
      await asMariadbOwner(
        ...customersIn("called"),
        "CREATE PROCEDURE called.remove_one(number int) DELETE FROM called.customers WHERE id = number",
        "CREATE PROCEDURE called.book(on_day date, name varchar(80), number int) SELECT 1",
        "CREATE PROCEDURE called.clear_all() DELETE FROM called.customers",
        "CREATE PROCEDURE called.Pay(account bigint, amount decimal(30, 10)) SELECT 1",
        "DROP DATABASE IF EXISTS called_elsewhere",
        "CREATE DATABASE called_elsewhere",
      );
      const { password } = SERVERS.mariadb as NonNullable<typeof SERVERS.mariadb>;
      const entry = ofMariadb("called", {
        queries: {
          fits: call("CALL remove_one(?)", "integer"),
          placed: call("/* by number */ CALL `called`.`remove_one` (?); ", "integer"),
          without: call("CALL clear_all"),
          mixed: call("call book('2026-01-01', concat('a, (', ?), 1 + ?)", "text", "integer"),
          missing: call("CALL remvoe_one(?)", "integer"),
          elsewhere: call("CALL called_elsewhere.remove_one(?)", "integer"),
          packaged: call("CALL tools.remove_one(?)", "integer"),
          exact: call("CALL pAy(?, ?)", "text", "text"),
          noted: call("/* it's 'one' */ CALL clear_all(?)", "integer"),
          defaults: call("CALL remove_one()"),
          many: call("CALL clear_all(?)", "integer"),
          typed: call("CALL book(?, ?, ?)", "date", "text", "text"),
          timed: call("CALL book(?, 'x', 1)", "integer"),
          reads: { ...call("CALL clear_all()"), effect: "read" },
        },
      });
      expect(await mistakesOf(entry, password)).toEqual([
        'queries.missing.sql: There is no procedure remvoe_one that the account may call. Did you mean "remove_one"?',
        "queries.elsewhere.sql: There is no procedure remove_one that the account may call.",
        "queries.noted.sql: The procedure clear_all takes 0 arguments, and the call gives 1.",
        "queries.many.sql: The procedure clear_all takes 0 arguments, and the call gives 1.",
        'queries.typed.sql: The procedure book takes int for number, and "p2" is declared as text.',
        'queries.timed.sql: The procedure book takes date for on_day, and "p0" is declared as integer.',
        "queries.reads.effect: The statement changes or locks rows, and it is declared to read.",
      ]);
      expect(await asMariadbOwner("SELECT name FROM called.customers")).toEqual([[{ name: "one" }]]);
    },
  );

  it.skipIf(SERVERS.postgresql === null)(
    "are named by a test of a PostgreSQL connection, which calls none",
    async () => {
      await createShop(CHECKED);
      await asPostgresqlOwner(
        CHECKED,
        "CREATE PROCEDURE remove_one(number integer) LANGUAGE sql AS $$ DELETE FROM customers WHERE id = number $$",
      );
      const queries = {
        fits: call("CALL remove_one($1)", "integer"),
        missing: call("CALL remvoe_one($1)", "integer"),
        few: call("CALL remove_one()"),
        typed: call("CALL remove_one(DATE '2026-01-01')"),
        undeclared: call("CALL remove_one($1)"),
      };
      const found = await mistakesOf(shopEntry(CHECKED, { queries, allow_privileged_role: true }), PASSWORD);
      expect(found.map((line) => line.replace(/:.*/, ""))).toEqual([
        ...["queries.missing.sql", "queries.few.sql", "queries.typed.sql", "queries.undeclared.parameters"],
      ]);
      const [rows] = await asPostgresqlOwner(CHECKED, "SELECT count(*)::int AS n FROM customers");
      expect(rows).toEqual([{ n: 60 }]);
    },
  );
});
