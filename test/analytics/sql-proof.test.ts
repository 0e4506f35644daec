import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { boundCost, type PlanStep } from "../../workers/analytics/sql/cost.ts";
import { type Instruction, proveReading, type Reach } from "../../workers/analytics/sql/program.ts";
import { readSizes } from "../../workers/analytics/sql/sizes.ts";
import { countParameters, readStatement } from "../../workers/analytics/sql/tokens.ts";
import { prepareCatalogue, readCatalogue } from "../../workers/analytics/store/tables.ts";

let reach: Reach;
/** Every page of the database, so that the refusal does not come from the table of the statement. */
let everything: Reach;

beforeAll(async () => {
  const db = env.ANALYTICS_DB;
  reach = readCatalogue(await db.batch(prepareCatalogue(db)));
  const pages = Array.from({ length: 1_000 }, (_, index) => index + 1);
  everything = { ...reach, roots: new Set(pages) };
});

async function explain(sql: string): Promise<Instruction[]> {
  const { results } = await env.ANALYTICS_DB.prepare(`EXPLAIN ${sql}`).all<Instruction>();
  expect(results.length).toBeGreaterThan(0);
  return results;
}

describe("the proof refuses, by the engine's program alone,", () => {
  it.each([
    "DELETE FROM events",
    "DELETE FROM events WHERE 0",
    "INSERT INTO calendar SELECT '2050-01-01', 'a', 'b', 'c', 'd', 'e'",
    "UPDATE daily_totals SET events = 0 WHERE day = 'x'",
    "REPLACE INTO dimension_members VALUES ('a', 'b')",
    "WITH x AS (SELECT 1) DELETE FROM events RETURNING *",
    "WITH x AS (SELECT 'a') INSERT INTO sources SELECT *, 1, 2, 3, 4, 5, 6 FROM x RETURNING *",
    "CREATE TABLE t (a)",
    "CREATE TABLE t AS SELECT * FROM events",
    "CREATE INDEX i ON calendar (month)",
    "CREATE VIEW v AS SELECT 1",
    "CREATE TRIGGER t AFTER INSERT ON calendar BEGIN SELECT 1; END",
    "DROP TABLE calendar",
    "DROP INDEX events_by_kind_and_time",
    "DROP TRIGGER events_after_insert",
    "ALTER TABLE calendar RENAME TO c",
    "REINDEX",
    "ANALYZE",
    "VACUUM",
  ])("%s", async (sql) => {
    const program = await explain(sql);
    expect(() => proveReading(program, everything)).toThrow(expect.objectContaining({ code: "forbidden" }));
  });

  it("a table that is not offered, by its root page", async () => {
    const program = await explain("SELECT * FROM sqlite_master");
    expect(() => proveReading(program, reach)).toThrow("not offered");
    expect(proveReading(program, everything)).toBe(5);
  });

  it("a virtual table that is not one of the two for JSON", async () => {
    const program = await explain("SELECT * FROM pragma_table_info('events')");
    expect(() => proveReading(program, everything)).toThrow("not offered");
  });

  it.each<[string, Partial<Instruction>]>([
    ["an unknown opcode", { opcode: "Surprise" }],
    ["a write transaction", { opcode: "Transaction", p2: 1 }],
    ["a change of the schema's version", { opcode: "Transaction", p2: 2 }],
    ["a transaction on another database", { opcode: "Transaction", p1: 2 }],
    ["a table opened for writing", { opcode: "OpenWrite", p2: 2 }],
    ["a row inserted where nothing scratch was opened", { opcode: "Insert", p1: 9 }],
    ["a table of another database", { opcode: "OpenRead", p2: 2, p3: 1 }],
    ["a page that is only known when it runs", { opcode: "OpenRead", p2: 2, p5: 16 }],
    ["a nested program, such as a trigger", { opcode: "Program" }],
    ["SQL inside of the program", { opcode: "SqlExec" }],
    ["a journal mode", { opcode: "JournalMode" }],
    ["a function that makes bytes", { opcode: "Function", p4: "zeroblob(1)" }],
  ])("%s", (_what, part) => {
    const instruction = { addr: 0, opcode: "Noop", p1: 0, p2: 0, p3: 0, p4: null, p5: 0, ...part };
    expect(() => proveReading([instruction], everything)).toThrow(
      expect.objectContaining({ code: "forbidden" }),
    );
  });

  it("a cursor that is scratch in one place and stored in another", () => {
    const blank = { addr: 0, p1: 3, p2: 2, p3: 0, p4: null, p5: 0 };
    const program = ["OpenEphemeral", "OpenRead", "Insert"].map((opcode) => ({ ...blank, opcode }));
    expect(() => proveReading(program, everything)).toThrow("would change a stored table");
    expect(
      proveReading(
        [
          { ...blank, opcode: "OpenEphemeral" },
          { ...blank, opcode: "Insert" },
        ],
        everything,
      ),
    ).toBe(0);
  });
});

describe("the cost of a plan", () => {
  const rows = new Map([
    ["events", 100_000],
    ["calendar", 15_000],
    ["us_employment", 1_500],
  ]);

  async function costOf(sql: string): Promise<number> {
    const statement = readStatement(sql);
    const { results } = await env.ANALYTICS_DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .bind(...Array.from({ length: countParameters(statement) }, () => "[]"))
      .all<PlanStep>();
    return boundCost(results, readSizes(statement.tokens, rows, 10_000));
  }

  it.each([
    ["SELECT count(*) FROM events", 100_000],
    ["SELECT * FROM events WHERE id = 5", 1],
    ["SELECT 1", 0],
    ["SELECT count(*) FROM us_employment, calendar", 22_500_000],
    ['SELECT count(*) FROM us_employment AS "a b", calendar AS [c USING d]', 22_500_000],
    ["SELECT * FROM events UNION ALL SELECT * FROM events", 200_000],
  ])("of %s is about %d visits", async (sql, visits) => {
    const cost = await costOf(sql);
    expect(cost).toBeGreaterThanOrEqual(visits);
    expect(cost).toBeLessThanOrEqual(visits * 1.1 + 1);
  });

  it.each([
    "SELECT count(*) FROM events a JOIN events b ON a.customer_id = b.customer_id",
    "SELECT * FROM (SELECT country, count(*) AS n FROM events GROUP BY 1) a, (SELECT count(*) AS n FROM events) t",
    "WITH m AS (SELECT substr(occurred_at, 1, 7) AS m, sum(amount_cents) AS s FROM events GROUP BY 1) SELECT a.m, a.s - b.s FROM m AS a JOIN m AS b ON b.m < a.m",
    "SELECT id, (SELECT max(occurred_at) FROM events b WHERE b.kind = 'order' AND b.occurred_at < a.occurred_at) FROM events a WHERE id = 1",
  ])("allows what a report needs: %s", async (sql) => {
    expect(await costOf(sql)).toBeGreaterThan(0);
  });

  it.each([
    "SELECT count(*) FROM json_each(?1) a, json_each(?2) b",
    "SELECT count(*) FROM json_each('[1, 2]') a JOIN events e ON e.id = a.value",
    "SELECT count(*) FROM json_each(json_array('order', 'refund', 1.5, NULL)) a, calendar",
    "SELECT value FROM json_each('[' || replace(printf('%.*c', 9, 'x'), 'x', '0,') || '0]')",
  ])("counts the lists that come with a statement: %s", async (sql) => {
    expect(await costOf(sql)).toBeGreaterThan(0);
  });

  it.each([
    "WITH j AS (SELECT json_group_array(1) AS list FROM events) SELECT count(*) FROM j, json_each(j.list) a, json_each(j.list) b",
    "SELECT count(*) FROM json_each('[' || replace(printf('%.*c', 900000, 'x'), 'x', '0,') || '0]') a, calendar",
    "SELECT count(*) FROM json_each((SELECT group_concat(id) FROM events)) a, [json_tree](?1) b",
    "SELECT count(*) FROM json_each a, json_each b WHERE a.json = ?1 AND b.json = ?1",
    'SELECT count(*) FROM (SELECT ?1 AS "1") x, json_each("1") a, json_each("1") b',
    `SELECT count(*) FROM json_each('[' || ${"?1 || ',' || ".repeat(40)} '0]') a, json_each(?1) b`,
  ])("assumes the maximum length for a list that the statement computes: %s", async (sql) => {
    await expect(costOf(sql)).rejects.toMatchObject({ code: "invalid_input" });
  });

  it.each([
    "SELECT count(*) FROM events a, events b",
    "SELECT count(*) FROM events a JOIN events b ON a.id + 0 <> b.id + 0",
    "SELECT count(*) FROM events a, events b, events c WHERE a.customer_id = b.customer_id AND b.country = c.country",
    "SELECT count(*) FROM events a JOIN events b ON a.country = b.country",
    "WITH x AS MATERIALIZED (SELECT country AS c FROM events) SELECT count(*) FROM x a JOIN x b ON a.c = b.c",
    "SELECT (SELECT count(*) FROM events b WHERE b.id + 0 > a.id) FROM events a",
    "WITH x AS MATERIALIZED (SELECT id FROM events) SELECT count(*) FROM x AS y, x AS z",
  ])("refuses a statement of minutes: %s", async (sql) => {
    await expect(costOf(sql)).rejects.toMatchObject({ code: "invalid_input" });
  });
});
