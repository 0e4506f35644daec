import { describe, expect, it } from "vitest";
import { connectionEntry } from "../../shared/connections/entry.ts";
import type { ClickhouseEntry } from "../../shared/connections/kinds/clickhouse.ts";
import type { MysqlEntry } from "../../shared/connections/kinds/mysql.ts";
import type { OracleEntry } from "../../shared/connections/kinds/oracle.ts";
import type { PostgresqlEntry } from "../../shared/connections/kinds/postgresql.ts";
import { readClickhouseCatalogue } from "../../workers/connections/clickhouse/catalogue.ts";
import { judgeOf } from "../../workers/connections/judge/judges.ts";
import { readMysqlCatalogue } from "../../workers/connections/mysql/catalogue.ts";
import { readOracleCatalogue } from "../../workers/connections/oracle/catalogue.ts";
import { readCatalogue } from "../../workers/connections/postgresql/catalogue.ts";
import { checkAgainstCatalogue } from "../../workers/connections/sql/check-catalogue.ts";
import { hasJudgedColumns } from "../../workers/connections/sql/check-columns.ts";
import {
  type Ask,
  type Catalogue,
  MOST_COLUMNS,
  MOST_TABLES,
  whereExposed,
} from "../../workers/connections/sql/exposed-catalogue.ts";

/** An entry of a kind that exposes tables. */
function entryOf(kind: string, tables: readonly string[]): unknown {
  return connectionEntry.parse({
    kind,
    title: "Shop",
    description: "Orders.",
    owner: "shop@people.example",
    reach: { host: "127.0.0.1", tls: "off", user: "reader", ...place(kind) },
    expose: { tables },
  });
}

function place(kind: string): object {
  return kind === "oracle" ? { service: "SHOP" } : { database: "shop" };
}

/** A database that reads at most `most` columns: of the wide first table, then of `customers`, then of `orders`. */
const COLUMNS_OF = { APPS: MOST_COLUMNS - 1, CUSTOMERS: 3, ORDERS: 2 };

interface Wide {
  table: string;
  name: string;
}

const WIDE: readonly Wide[] = Object.entries(COLUMNS_OF).flatMap(([table, count]) =>
  Array.from({ length: count }, (_, at) => ({ table, name: `C${at}` })),
);

type Kind = "oracle" | "clickhouse" | "mysql";

/** How each kind's catalogue is read from a double that answers with the rows above, bounded as its session bounds them. */
const READ: Readonly<Record<Kind, (asked: string[]) => Promise<Catalogue>>> = {
  oracle: (asked) => {
    const ask: Ask = async (sql) => {
      asked.push(sql);
      const columns = WIDE.map((one) => ({ ...one, owner: "SHOP", type: "NUMBER", nullable: "Y" }));
      const tables = Object.keys(COLUMNS_OF).map((table) => ({ owner: "SHOP", table, kind: "TABLE" }));
      return bounded(/all_tab_columns/.test(sql) ? columns : /all_objects/.test(sql) ? tables : []);
    };
    return readOracleCatalogue(ask, entryOf("oracle", ["SHOP.*"]) as OracleEntry);
  },
  clickhouse: (asked) => {
    const ask: Ask = async (sql) => {
      asked.push(sql);
      const columns = WIDE.map((one) => ({ ...one, database: "shop", type: "String", comment: "" }));
      const tables = Object.keys(COLUMNS_OF).map((name) => ({
        ...{ database: "shop", name, engine: "MergeTree", total_rows: 1, comment: "", primary_key: "" },
      }));
      return bounded(/system.columns/.test(sql) ? columns : tables);
    };
    return readClickhouseCatalogue(ask, entryOf("clickhouse", ["shop.*"]) as ClickhouseEntry);
  },
  mysql: (asked) => {
    const ask = async (sql: string) => {
      asked.push(sql);
      const columns = WIDE.map(({ table, name }) => ({
        ...{ tableSchema: "shop", tableName: table, name, type: "int", nullable: "NO", comment: "" },
      }));
      const tables = Object.keys(COLUMNS_OF).map((name) => ({
        ...{ tableSchema: "shop", name, type: "BASE TABLE", estimate: 1, comment: "" },
      }));
      return (/COLUMNS/.test(sql) ? columns : /\.TABLES/.test(sql) ? tables : []) as never;
    };
    return readMysqlCatalogue(ask, entryOf("mysql", ["shop.*"]) as MysqlEntry);
  },
};

function bounded(rows: readonly object[]) {
  return { rows: rows.slice(0, MOST_COLUMNS) as never[], cut: rows.length > MOST_COLUMNS };
}

const KINDS = Object.keys(READ) as Kind[];

describe("a catalogue with more columns than are read", () => {
  it.each(KINDS)("of %s leaves out the table at the cut and those after it, and says so", async (kind) => {
    const catalogue = await READ[kind]([]);
    expect(catalogue.tables.map(({ name }) => name)).toEqual(["APPS"]);
    expect(catalogue.cut).toBe(true);
    const schema = kind === "oracle" ? "SHOP" : "shop";
    const naming = { expose: { tables: [`${schema}.*`], except: [] }, columns: {} };
    expect(checkAgainstCatalogue(naming, catalogue).mistakes).toEqual([
      expect.stringMatching(/more than is read.* left out/),
    ]);
  });

  it.each(KINDS)(
    "of %s gives no hidden column away: a statement on a table behind the cut is refused",
    async (kind) => {
      const catalogue = await READ[kind]([]);
      const judge = await judgeOf(kind);
      const tables = catalogue.tables.map(({ schema, name, columns }) => ({
        ...{ schema, name, columns: columns.map((column) => ({ name: column.name, hidden: false })) },
      }));
      const rules = { tables, searchPath: [tables[0]?.schema ?? ""], functions: [] };
      for (const sql of ["SELECT * FROM CUSTOMERS", "SELECT * FROM ORDERS"])
        await expect(judge(sql, rules)).rejects.toThrow("There is no table");
    },
  );

  it("of PostgreSQL, whose tables bring their columns, says so too", async () => {
    const rows = Array.from({ length: MOST_TABLES + 1 }, (_, at) => ({
      ...{ schema: "public", name: `t${at}`, is_view: false, rows: 1, comment: null, keys: null },
      columns: [["id", "int", true, null]],
    }));
    const client = { query: async () => ({ rows }) } as never;
    const catalogue = await readCatalogue(client, entryOf("postgresql", ["public.*"]) as PostgresqlEntry);
    expect(catalogue).toMatchObject({ cut: true, tables: { length: MOST_TABLES } });
  });
});

describe("a table without a known column", () => {
  it.each(KINDS)("may not be used by a statement of %s in any way", async (kind) => {
    const judge = await judgeOf(kind);
    const fold = (name: string) => (kind === "oracle" ? name.toUpperCase() : name);
    const tables = [
      { schema: "s", name: fold("people"), columns: [] },
      { schema: "s", name: fold("orders"), columns: [{ name: fold("email"), hidden: false }] },
    ];
    const rules = { tables, searchPath: ["s"], functions: [] };
    for (const sql of [
      "SELECT * FROM people",
      "SELECT COUNT(*) FROM people",
      "SELECT o.email FROM orders o JOIN people p USING (email)",
      "SELECT (SELECT MAX(email) FROM people) AS one FROM orders",
      ...(kind === "clickhouse" ? [] : ["SELECT o.email FROM orders o NATURAL JOIN people p"]),
    ])
      await expect(judge(sql, rules), sql).rejects.toThrow("The columns of");
  });
});

describe("the question for a catalogue", () => {
  it.each(KINDS)("of %s is for the schemas and tables of the entry alone", async (kind) => {
    const asked: string[] = [];
    await READ[kind](asked);
    expect(asked.length).toBeGreaterThan(1);
    for (const sql of asked) expect(sql).toMatch(/(owner|database|TABLE_SCHEMA) = 'SHOP'/i);
  });

  it.each([
    [["SHOP.*"], "((s = 'SHOP' AND 1 = 1))"],
    [["SHOP.A_*", "SHOP.A_*"], "((s = 'SHOP' AND t LIKE 'A\\_%' ESCAPE '\\'))"],
    [["*"], "(1 = 1)"],
    [["a.b.*"], "(CONCAT(CONCAT(s, '.'), t) LIKE 'a.b.%' ESCAPE '\\')"],
    [["S.O'Brien", "*.x%"], "((s = 'S' AND t = 'O''Brien') OR (1 = 1 AND t = 'x%'))"],
  ])("writes %j as a condition", (tables, condition) => {
    const names = { schema: "s", table: "t" };
    const oracle = { escapesTexts: false, namesEscape: true };
    expect(whereExposed({ tables, except: [] }, names, oracle)).toBe(condition);
  });

  it("writes a backslash as a server reads it that takes one for an escape", () => {
    const mysql = { escapesTexts: true, namesEscape: false };
    const names = { schema: "s", table: "t" };
    expect(whereExposed({ tables: ["a.b_\\'*"], except: [] }, names, mysql)).toBe(
      "((s = 'a' AND t LIKE 'b\\\\_\\\\\\\\''%'))",
    );
  });
});

describe("the columns of an answer", () => {
  const judged = (columns: readonly (string | null)[], hasStar = false) => ({ columns, hasStar });
  const answered = (...names: string[]) => names.map((name) => ({ name }));

  it.each([
    ["named columns", answered("ID", "Name"), judged(["id", "NAME"]), true],
    ["one that the server names", answered("COUNT(*)", "ID"), judged([null, "ID"]), true],
    ["the table before a name", answered("o.id", "c.id"), judged(["id", "id"]), true],
    ["a name that comes twice", answered("ID", "ID_1"), judged(["ID", "ID"]), true],
    ["a number behind a name that comes once", answered("EMAIL_2"), judged(["EMAIL"]), false],
    ["one more", answered("ID", "EMAIL"), judged(["ID"]), false],
    ["one fewer", answered("ID"), judged(["ID", "NAME"]), false],
    ["another sequence", answered("NAME", "ID"), judged(["ID", "NAME"]), false],
    ["another sequence of a star", answered("NAME", "ID"), judged(["ID", "NAME", "ID"], true), true],
    ["one more of a star", answered("ID", "NAME", "EMAIL"), judged(["ID", "NAME"], true), false],
    ["one more of a star and a value", answered("ID", "ONE", "EMAIL"), judged(["ID", null], true), false],
  ])("are compared with those of the statement: %s", (_what, columns, expected, is) => {
    expect(hasJudgedColumns(columns, expected)).toBe(is);
  });
});
