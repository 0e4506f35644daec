import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ToolError } from "../../shared/call/tool-error.ts";
import { judgeMysql, judgeMysqlExplain } from "../../workers/connections/judge/mysql/judge.ts";
import type { StatementRules } from "../../workers/connections/judge/statement.ts";
import { exposeTables, HIDDEN_COLUMNS } from "./attempts/attempt.ts";
import { HIDDEN_ATTEMPTS } from "./attempts/hidden-mysql.ts";
import { HONEST } from "./attempts/honest-mysql.ts";
import { ATTEMPTS } from "./attempts/mysql.ts";
import { findAccepted, findRefused, USABLE, writeStatement } from "./judge-statements.ts";

const rules: StatementRules = { tables: exposeTables("shop"), searchPath: ["shop"], functions: [] };
const restricted: StatementRules = { ...rules, tables: exposeTables("shop", HIDDEN_COLUMNS) };

describe("the judge of statements for MySQL and MariaDB", () => {
  it("accepts what an analyst writes", async () => {
    expect(HONEST.length).toBeGreaterThanOrEqual(60);
    expect(await findRefused(judgeMysql, HONEST, rules)).toEqual([]);
  });

  it("refuses every attempt to write, wait, look elsewhere or change the session", async () => {
    expect(new Set(ATTEMPTS.map(({ sql }) => sql)).size).toBeGreaterThanOrEqual(200);
    expect(await findAccepted(judgeMysql, ATTEMPTS, rules)).toEqual([]);
  });

  it("refuses a hidden column wherever it stands, and leaves the other columns usable", async () => {
    expect(await findAccepted(judgeMysql, HIDDEN_ATTEMPTS, restricted)).toEqual([]);
    expect(await findRefused(judgeMysql, USABLE, restricted)).toEqual([]);
  });

  it("counts parameters and names the tables", async () => {
    const sql =
      "SELECT id FROM orders WHERE id = ? AND customer_id IN (SELECT id FROM hr.staff WHERE id > ?)";
    expect(await judgeMysql(sql, rules)).toEqual({
      parameters: 2,
      columns: ["id"],
      hasStar: false,
      tables: [
        { schema: "shop", name: "orders" },
        { schema: "hr", name: "staff" },
      ],
    });
  });

  it("allows a function of the operator by its written name only", async () => {
    const extended = { ...rules, functions: ["shop.net_price"] };
    expect(await judgeMysql("SELECT shop.net_price(total) FROM orders", extended)).toMatchObject({
      parameters: 0,
    });
    await expect(judgeMysql("SELECT net_price(total) FROM orders", extended)).rejects.toThrow("not allowed");
  });

  it("explains what may be used", async () => {
    await expect(judgeMysql("SELECT nmae FROM customers", rules)).rejects.toThrow('Did you mean "name"?');
    await expect(judgeMysql("SELECT 1 FROM custmers", rules)).rejects.toThrow('Did you mean "customers"?');
    await expect(judgeMysql("SELECT CONCATT(name) FROM customers", rules)).rejects.toThrow('"concat"');
    await expect(judgeMysql("SELECT * FROM customers", restricted)).rejects.toThrow("id, name, country");
  });

  it("judges the statement of an EXPLAIN, and refuses one that runs it", async () => {
    expect(await judgeMysqlExplain("EXPLAIN FORMAT=JSON SELECT id FROM orders", rules)).toMatchObject({
      parameters: 0,
    });
    for (const sql of [
      "EXPLAIN ANALYZE SELECT 1",
      "EXPLAIN DELETE FROM orders",
      "EXPLAIN SELECT SLEEP(1)",
      "SELECT 1",
    ])
      await expect(judgeMysqlExplain(sql, rules)).rejects.toBeInstanceOf(ToolError);
  });

  it("throws nothing but a ToolError, whatever it is given", async () => {
    await fc.assert(
      fc.asyncProperty(writeStatement(HONEST, ATTEMPTS), async (sql) => {
        await judgeMysql(sql, restricted).catch((failure) => expect(failure).toBeInstanceOf(ToolError));
      }),
      { numRuns: 2000 },
    );
  });
});
