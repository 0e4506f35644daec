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

  async function expectNamed(entry: object, secret: string) {
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
      const { host, port, user, password } = SERVERS.mariadb as NonNullable<typeof SERVERS.mariadb>;
      await asMariadbOwner(
        "DROP DATABASE IF EXISTS checked",
        "CREATE DATABASE checked",
        "CREATE TABLE checked.customers (id int PRIMARY KEY, name varchar(80))",
        "INSERT INTO checked.customers VALUES (1, 'one')",
      );
      const entry = connectionEntry.parse({
        ...{ kind: "mysql", title: "Checked", description: "Customers.", owner: "x" },
        reach: { host, port, tls: "off", database: "checked", user },
        expose: { tables: ["checked.*"] },
        queries: queriesIn("?"),
      });
      await expectNamed(entry, password);
      expect(await asMariadbOwner("SELECT name FROM checked.customers")).toEqual([[{ name: "one" }]]);
    },
  );
});
