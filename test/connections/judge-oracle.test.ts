import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ToolError } from "../../shared/call/tool-error.ts";
import { judgeOracle } from "../../workers/connections/judge/oracle/judge.ts";
import type { StatementRules } from "../../workers/connections/judge/statement.ts";
import { exposeTables, HIDDEN_COLUMNS } from "./attempts/attempt.ts";
import { HIDDEN_ATTEMPTS } from "./attempts/hidden-oracle.ts";
import { HONEST } from "./attempts/honest-oracle.ts";
import { ATTEMPTS } from "./attempts/oracle.ts";
import { findAccepted, findRefused, USABLE, writeStatement } from "./judge-statements.ts";

/** The tables of the shop by the names that Oracle gives them. */
function exposeUpper(hidden: readonly string[] = []): StatementRules["tables"] {
  return exposeTables("shop", hidden).map(({ schema, name, columns }) => ({
    schema: schema.toUpperCase(),
    name: name.toUpperCase(),
    columns: columns.map((column) => ({ ...column, name: column.name.toUpperCase() })),
  }));
}

const rules: StatementRules = { tables: exposeUpper(), searchPath: ["SHOP"], functions: [] };
const restricted: StatementRules = { ...rules, tables: exposeUpper(HIDDEN_COLUMNS) };

// No Oracle server has run these statements: the list is measured against the reader alone.
describe("the judge of statements for Oracle", () => {
  it("accepts what an analyst writes", async () => {
    expect(HONEST.length).toBeGreaterThanOrEqual(60);
    expect(await findRefused(judgeOracle, HONEST, rules)).toEqual([]);
  });

  it("refuses every attempt to write, wait, look elsewhere or change the session", async () => {
    expect(new Set(ATTEMPTS.map(({ sql }) => sql)).size).toBeGreaterThanOrEqual(700);
    expect(await findAccepted(judgeOracle, ATTEMPTS, rules)).toEqual([]);
  });

  it("refuses a hidden column wherever it stands, and leaves the other columns usable", async () => {
    expect(HIDDEN_ATTEMPTS.length).toBeGreaterThanOrEqual(60);
    expect(await findAccepted(judgeOracle, HIDDEN_ATTEMPTS, restricted)).toEqual([]);
    expect(await findRefused(judgeOracle, USABLE, restricted)).toEqual([]);
  });

  it("refuses a name that stands for a table, and for an object or document in a hidden column", async () => {
    const column = (name: string, hidden = false) => ({ name, hidden });
    const people = { schema: "SHOP", name: "PEOPLE", columns: [column("ID"), column("ADDRESS", true)] };
    const address = { schema: "SHOP", name: "ADDRESS", columns: [column("STREET")] };
    const compound = { ...rules, tables: [...rules.tables, people, address] };
    const attempts = [
      "SELECT shop.address.street FROM people shop, shop.address",
      "SELECT address.street FROM people, (SELECT 1 AS street FROM dual) address",
      "SELECT p.address.street FROM people p",
    ].map((sql) => ({ kind: "oracle", sql }));
    expect(await findAccepted(judgeOracle, attempts, compound)).toEqual([]);
    expect(await findRefused(judgeOracle, ["SELECT p.id FROM people p"], compound)).toEqual([]);
  });

  it("counts parameters by their names, and names the tables", async () => {
    const sql =
      "SELECT id FROM orders WHERE id = :p1 AND status = :P2 OR customer_id IN (SELECT id FROM hr.staff WHERE id > :p1)";
    expect(await judgeOracle(sql, rules)).toEqual({
      parameters: 2,
      columns: ["ID"],
      hasStar: false,
      tables: [
        { schema: "SHOP", name: "ORDERS" },
        { schema: "HR", name: "STAFF" },
      ],
    });
    await expect(judgeOracle("SELECT :p2 FROM dual", rules)).rejects.toThrow("without a gap");
  });

  it("takes the name of an output for one only where it is the whole member of ORDER BY", async () => {
    const usable = [
      "SELECT total * 2 AS twice FROM orders ORDER BY twice DESC NULLS LAST, id",
      'SELECT total * 2 AS "Twice" FROM orders ORDER BY "Twice"',
    ];
    expect(await findRefused(judgeOracle, usable, rules)).toEqual([]);
    const attempts = [
      "SELECT 1 AS my_fn FROM orders ORDER BY UPPER(my_fn)",
      "SELECT 1 AS my_fn FROM orders ORDER BY (my_fn)",
      "SELECT 1 AS my_fn FROM orders ORDER BY -my_fn",
      "SELECT 1 AS my_fn FROM orders ORDER BY ROW_NUMBER() OVER (ORDER BY my_fn)",
      "SELECT 1 AS my_fn, COUNT(*) FROM orders ORDER BY MAX(my_fn)",
      "SELECT 1 AS my_fn FROM orders UNION SELECT 2 FROM orders ORDER BY UPPER(my_fn)",
    ].map((sql) => ({ kind: "oracle", sql }));
    expect(await findAccepted(judgeOracle, attempts, rules)).toEqual([]);
  });

  it("refuses a name of an outer query where FROM is DUAL alone, which could be a table of the schema", async () => {
    const attempts = [
      "SELECT (SELECT name FROM dual) FROM customers",
      "SELECT (SELECT MAX(name) FROM dual d) FROM customers",
      "SELECT id FROM customers WHERE EXISTS (SELECT 1 FROM dual, sys.dual d WHERE country = 'DE')",
      "SELECT id FROM customers c WHERE 1 IN (SELECT 1 FROM dual GROUP BY c.id)",
    ].map((sql) => ({ kind: "oracle", sql }));
    expect(await findAccepted(judgeOracle, attempts, rules)).toEqual([]);
  });

  it("reads comments with either line end, and none behind the semicolon", async () => {
    const usable = [
      "SELECT id FROM orders\r\nWHERE /* a\r\n b */ id = 1",
      "SELECT id FROM orders -- all\r\nWHERE id = 1;",
      "SELECT id FROM orders /* done */ ; \n",
    ];
    expect(await findRefused(judgeOracle, usable, rules)).toEqual([]);
    const attempts = [
      "SELECT id FROM orders; -- done",
      "SELECT id FROM orders ; /* x */",
      "SELECT id FROM orders /* a\r b */",
      "SELECT id FROM orders -- a\rb",
    ].map((sql) => ({ kind: "oracle", sql }));
    expect(await findAccepted(judgeOracle, attempts, rules)).toEqual([]);
  });

  it("allows a function of the operator by its written name only", async () => {
    const extended = { ...rules, functions: ["shop.net_price"] };
    expect(await judgeOracle("SELECT Shop.Net_Price(total) FROM orders", extended)).toMatchObject({
      parameters: 0,
    });
    for (const call of ["net_price(total)", 'shop."Net_Price"(total)', "shop.net_price"])
      await expect(judgeOracle(`SELECT ${call} FROM orders`, extended)).rejects.toBeInstanceOf(ToolError);
  });

  it("explains what may be used, and how Oracle writes it", async () => {
    for (const [sql, words] of [
      ["SELECT nmae FROM customers", 'Did you mean "NAME"?'],
      ["SELECT 1 FROM custmers", 'Did you mean "CUSTOMERS"?'],
      ["SELECT concatt(name) FROM customers", '"concat"'],
      ["SELECT id FROM orders LIMIT 5", "FETCH FIRST 10 ROWS ONLY"],
      ["SELECT id FROM orders AS o", "orders o"],
      ["SELECT id FROM orders AS OF SCN 1", "AS OF is not allowed"],
      ["SELECT id FROM orders FOR UPDATE", "FOR UPDATE, which is not allowed"],
      ["SELECT id FROM orders@x", "Database links"],
      ["SELECT id FROM orders WHERE id = ?", ":p1, :p2"],
      ["SELECT `id` FROM orders", 'write "name"'],
      ["SELECT /*+ FULL(o) */ id FROM orders o", "Hints are not allowed"],
      ["BEGIN NULL; END;", "Only SELECT"],
    ] as const)
      await expect(judgeOracle(sql, rules), sql).rejects.toThrow(words);
    await expect(judgeOracle("SELECT * FROM customers", restricted)).rejects.toThrow("ID, NAME, COUNTRY");
  });

  it("throws nothing but a ToolError, whatever it is given", async () => {
    await fc.assert(
      fc.asyncProperty(writeStatement(HONEST, ATTEMPTS), async (sql) => {
        await judgeOracle(sql, restricted).catch((failure) => expect(failure).toBeInstanceOf(ToolError));
      }),
      { numRuns: 2000 },
    );
  });
});
