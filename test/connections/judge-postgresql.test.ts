// PostgreSQL's parser is a WebAssembly module, which the Workers runtime loads.
import "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ToolError } from "../../shared/call/tool-error.ts";
import { judgePostgresql, judgePostgresqlExplain } from "../../workers/connections/judge/postgresql/judge.ts";
import type { StatementRules } from "../../workers/connections/judge/statement.ts";
import { exposeTables, HIDDEN_COLUMNS } from "./attempts/attempt.ts";
import { HIDDEN_ATTEMPTS } from "./attempts/hidden-postgresql.ts";
import { HONEST } from "./attempts/honest-postgresql.ts";
import { ATTEMPTS } from "./attempts/postgresql.ts";
import { findAccepted, findRefused, USABLE, writeStatement } from "./judge-statements.ts";

const rules: StatementRules = { tables: exposeTables("public"), searchPath: ["public"], functions: [] };
const restricted: StatementRules = { ...rules, tables: exposeTables("public", HIDDEN_COLUMNS) };

describe("the judge of statements for PostgreSQL", () => {
  it("accepts what an analyst writes", async () => {
    expect(HONEST.length).toBeGreaterThanOrEqual(60);
    expect(await findRefused(judgePostgresql, HONEST, rules)).toEqual([]);
  });

  it("refuses every attempt to write, wait, look elsewhere or change the session", async () => {
    expect(new Set(ATTEMPTS.map(({ sql }) => sql)).size).toBeGreaterThanOrEqual(200);
    expect(await findAccepted(judgePostgresql, ATTEMPTS, rules)).toEqual([]);
  });

  it("refuses a hidden column wherever it stands, and leaves the other columns usable", async () => {
    expect(await findAccepted(judgePostgresql, HIDDEN_ATTEMPTS, restricted)).toEqual([]);
    expect(await findRefused(judgePostgresql, USABLE, restricted)).toEqual([]);
  });

  it("counts parameters and names the tables", async () => {
    const sql =
      "SELECT id FROM orders WHERE id = $1 AND customer_id IN (SELECT id FROM hr.staff WHERE id > $2)";
    expect(await judgePostgresql(sql, rules)).toEqual({
      parameters: 2,
      columns: ["id"],
      hasStar: false,
      tables: [
        { schema: "public", name: "orders" },
        { schema: "hr", name: "staff" },
      ],
    });
  });

  it("allows a function of the operator by its written name only", async () => {
    const extended = { ...rules, functions: ["shop.net_price"] };
    expect(await judgePostgresql("SELECT shop.net_price(total) FROM orders", extended)).toMatchObject({
      parameters: 0,
    });
    await expect(judgePostgresql("SELECT net_price(total) FROM orders", extended)).rejects.toThrow(
      "not allowed",
    );
  });

  it("explains what may be used", async () => {
    await expect(judgePostgresql("SELECT nmae FROM customers", rules)).rejects.toThrow(
      'Did you mean "name"?',
    );
    await expect(judgePostgresql("SELECT 1 FROM custmers", rules)).rejects.toThrow(
      'Did you mean "customers"?',
    );
    await expect(judgePostgresql("SELECT concatt(name) FROM customers", rules)).rejects.toThrow('"concat"');
    await expect(judgePostgresql("SELECT * FROM customers", restricted)).rejects.toThrow("id, name, country");
  });

  it("finds a table by the search path, first schema first", async () => {
    const both = { ...rules, searchPath: ["hr", "public"] };
    const tables = [{ schema: "hr", name: "staff" }];
    expect(await judgePostgresql("SELECT name FROM staff", both)).toMatchObject({ tables });
    await expect(judgePostgresql("SELECT name FROM staff", rules)).rejects.toThrow('"hr.staff"');
  });

  it("judges the statement of an EXPLAIN, and refuses one that runs it", async () => {
    expect(
      await judgePostgresqlExplain("EXPLAIN (FORMAT json, COSTS off) SELECT id FROM orders", rules),
    ).toMatchObject({
      parameters: 0,
    });
    for (const sql of [
      "EXPLAIN ANALYZE SELECT 1",
      "EXPLAIN DELETE FROM orders",
      "EXPLAIN SELECT pg_sleep(1)",
      "SELECT 1",
    ])
      await expect(judgePostgresqlExplain(sql, rules)).rejects.toBeInstanceOf(ToolError);
  });

  it("throws nothing but a ToolError, whatever it is given", async () => {
    await fc.assert(
      fc.asyncProperty(writeStatement(HONEST, ATTEMPTS), async (sql) => {
        await judgePostgresql(sql, restricted).catch((failure) => expect(failure).toBeInstanceOf(ToolError));
      }),
      { numRuns: 1000 },
    );
  });
});
