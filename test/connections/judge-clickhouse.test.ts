import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ToolError } from "../../shared/call/tool-error.ts";
import { judgeClickhouse } from "../../workers/connections/judge/clickhouse/judge.ts";
import type { StatementRules } from "../../workers/connections/judge/statement.ts";
import { exposeTables, HIDDEN_COLUMNS } from "./attempts/attempt.ts";
import { ATTEMPTS } from "./attempts/clickhouse.ts";
import { HIDDEN_ATTEMPTS } from "./attempts/hidden-clickhouse.ts";
import { HONEST } from "./attempts/honest-clickhouse.ts";
import { findAccepted, findRefused, writeStatement } from "./judge-statements.ts";

const rules: StatementRules = { tables: exposeTables("shop"), searchPath: ["shop"], functions: [] };
const restricted: StatementRules = { ...rules, tables: exposeTables("shop", HIDDEN_COLUMNS) };

describe("the judge of statements for ClickHouse", () => {
  it("accepts what an analyst writes", async () => {
    expect(HONEST.length).toBeGreaterThanOrEqual(60);
    expect(await findRefused(judgeClickhouse, HONEST, rules)).toEqual([]);
  });

  it("refuses every attempt to write, wait, look elsewhere or change how the statement runs", async () => {
    expect(new Set(ATTEMPTS.map(({ sql }) => sql)).size).toBeGreaterThanOrEqual(300);
    expect(await findAccepted(judgeClickhouse, ATTEMPTS, rules)).toEqual([]);
  });

  it("refuses a hidden column wherever it stands, and leaves the other columns usable", async () => {
    expect(await findAccepted(judgeClickhouse, HIDDEN_ATTEMPTS, restricted)).toEqual([]);
    const usable = [
      "SELECT id, name FROM customers",
      "SELECT count() FROM customers",
      "SELECT o.*, c.name FROM orders o JOIN customers c ON c.id = o.customer_id",
      "SELECT email FROM hr.staff",
    ];
    expect(await findRefused(judgeClickhouse, usable, restricted)).toEqual([]);
  });

  it("refuses an alias that stands for a column, or a part of one, of a table in the statement", async () => {
    const column = (name: string, hidden = false) => ({ name, hidden });
    const people = {
      schema: "shop",
      name: "people",
      columns: [column("id"), column("contact.email", true), column("address", true), column("tags")],
    };
    const address = { schema: "shop", name: "address", columns: [column("id"), column("street")] };
    const compound = { ...rules, tables: [...rules.tables, people, address] };
    const attempts = [
      "SELECT contact.email FROM people, customers AS contact",
      "SELECT Contact.email FROM people, customers AS Contact",
      "SELECT contact.email FROM people JOIN (SELECT 1 AS email) AS contact ON 1 = 1",
      "WITH contact AS (SELECT 1 AS email) SELECT contact.email FROM people, contact",
      "SELECT address.id FROM people, orders AS address",
      "SELECT (SELECT max(address.id) FROM orders AS address) FROM people",
      "SELECT id FROM people WHERE id IN (SELECT address.id FROM orders address)",
      "SELECT address.street FROM people, address",
      "SELECT tags.id FROM people, orders AS tags",
      "SELECT `contact.email`.id FROM people, orders AS `contact.email`",
    ].map((sql) => ({ kind: "clickhouse", sql }));
    expect(await findAccepted(judgeClickhouse, attempts, compound)).toEqual([]);
    const usable = [
      "SELECT p.id, o.id FROM people p, orders AS o",
      "SELECT address.street FROM address",
      "SELECT c.email FROM customers AS c, people",
    ];
    expect(await findRefused(judgeClickhouse, usable, compound)).toEqual([]);
  });

  it("counts parameters by their names, and names the tables", async () => {
    const sql =
      "SELECT id FROM orders WHERE id = {p1:UInt64} OR customer_id = {p1:UInt64} OR status = {p2:String}";
    expect(await judgeClickhouse(sql, rules)).toEqual({
      parameters: 2,
      columns: ["id"],
      hasStar: false,
      tables: [{ schema: "shop", name: "orders" }],
    });
    await expect(judgeClickhouse("SELECT {p2:String}", rules)).rejects.toThrow("without a gap");
  });

  it("explains what may be used", async () => {
    await expect(judgeClickhouse("SELECT nmae FROM customers", rules)).rejects.toThrow(
      'Did you mean "name"?',
    );
    await expect(judgeClickhouse("SELECT 1 FROM custmers", rules)).rejects.toThrow(
      'Did you mean "customers"?',
    );
    await expect(judgeClickhouse("SELECT concatt(name) FROM customers", rules)).rejects.toThrow('"concat"');
  });

  it("throws nothing but a ToolError, whatever it is given", async () => {
    await fc.assert(
      fc.asyncProperty(writeStatement(HONEST, ATTEMPTS), async (sql) => {
        await judgeClickhouse(sql, restricted).catch((failure) => expect(failure).toBeInstanceOf(ToolError));
      }),
      { numRuns: 2000 },
    );
  });
});
