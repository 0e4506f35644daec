import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import type { ShopEvent } from "../../scripts/seed/analytics/events.ts";
import { openSession, type TestSession } from "../support/session.ts";
import { groupBy } from "./recompute.ts";
import { loadPublicSample, loadShop } from "./shop.ts";

let rows: ShopEvent[];
let session: TestSession;

beforeAll(async () => {
  rows = await loadShop(2_000, 120);
  await loadPublicSample();
  session = await openSession({ server: "analytics", lane: "stateless" });
});

async function run(sql: string, args: Record<string, unknown> = {}) {
  const answer = await session.call("analytics_sql", { sql, ...args });
  expect(answer.error, sql).toBeUndefined();
  return answer.data;
}

describe("one read-only statement runs", () => {
  it("and returns the rows", async () => {
    const answer = await run(
      `SELECT country, count(*) AS orders, sum(amount_cents) AS cents FROM events
       WHERE kind = 'order' AND occurred_at >= ? GROUP BY country ORDER BY cents DESC, country -- by size`,
      { params: ["2026-01-01"] },
    );
    const orders = rows.filter(({ kind, occurred_at }) => kind === "order" && occurred_at >= "2026-01-01");
    const expected = [...groupBy(orders, ({ country }) => country)]
      .map(
        ([country, group]) =>
          [country, group.length, group.reduce((sum, row) => sum + row.amount_cents, 0)] as const,
      )
      .sort((a, b) => b[2] - a[2] || (a[0] < b[0] ? -1 : 1));
    expect(answer).toEqual({ columns: ["country", "orders", "cents"], rows: expected, truncated: false });
  });

  it.each<[string, string, unknown[], unknown[][]]>([
    ["a closing semicolon and comments", "SELECT 1 AS a /* ; */ ; -- ;\n /* end */", [], [[1]]],
    [
      "text with semicolons and comment signs",
      "SELECT 'a;--b/*', \"x\" FROM (SELECT ';' AS \"x\")",
      [],
      [["a;--b/*", ";"]],
    ],
    [
      "names in brackets and backticks",
      "SELECT [a b], `c;d` FROM (SELECT 1 AS [a b], 2 AS `c;d`)",
      [],
      [[1, 2]],
    ],
    [
      "VALUES",
      "VALUES (1, 'x'), (2, NULL)",
      [],
      [
        [1, "x"],
        [2, null],
      ],
    ],
    ["a common table expression", "WITH a(n) AS (VALUES (3), (4)) SELECT sum(n) FROM a", [], [[7]]],
    [
      "nested common table expressions",
      "WITH a AS (WITH b AS (SELECT 1 AS n) SELECT n FROM b) SELECT n FROM a",
      [],
      [[1]],
    ],
    [
      "a union with order",
      "SELECT 2 AS n UNION SELECT 1 UNION ALL SELECT 3 ORDER BY n DESC",
      [],
      [[3], [2], [1]],
    ],
    [
      "window functions",
      "SELECT n, sum(n) OVER (ORDER BY n) FROM (SELECT 1 AS n UNION SELECT 2)",
      [],
      [
        [1, 1],
        [2, 3],
      ],
    ],
    [
      "a list as one parameter",
      "SELECT value FROM json_each(?) ORDER BY value",
      ['["b","a"]'],
      [["a"], ["b"]],
    ],
    ["a JSON tree", "SELECT count(*) FROM json_tree(?)", ['{"a":[1,2]}'], [[4]]],
    ["numbered parameters in any order", "SELECT ?2, ?1, ?2", ["x", 5], [[5, "x", 5]]],
    ["truth values", "SELECT ?, ?", [true, false], [[1, 0]]],
    ["words in other alphabets", "SELECT 'größe' AS größe, '日本' AS \"日本\"", [], [["größe", "日本"]]],
    [
      "a share of a total",
      "WITH t AS (SELECT sum(jobs) AS jobs FROM us_employment) SELECT count(*) FROM us_employment e, t WHERE e.jobs < t.jobs",
      [],
      [[6]],
    ],
    ["an infinity, which JSON does not have", "SELECT 9e999", [], [[null]]],
    ["bytes, by their number", "SELECT x'0102' AS b", [], [["(2 bytes)"]]],
    [
      "SQL with a column for each quarter",
      "SELECT [2024-Q1], [10], [2] FROM (SELECT 1 AS [2024-Q1], 2 AS [10], 3 AS [2])",
      [],
      [[1, 2, 3]],
    ],
  ])("with %s", async (_what, sql, params, expected) => {
    expect((await run(sql, { params })).rows).toEqual(expected);
  });

  it.each([
    "SELECT substr(occurred_at, 1, 7) AS m, kind, count(DISTINCT customer_id) FROM events GROUP BY 1, 2 ORDER BY 1 DESC, 3",
    "SELECT product, rank() OVER (PARTITION BY category ORDER BY sum(amount_cents) DESC) FROM events WHERE kind = 'order' GROUP BY product",
    "SELECT c.day, coalesce(sum(d.events), 0) FROM calendar c LEFT JOIN daily_totals d ON d.day = c.day AND d.kind = 'order' WHERE c.day BETWEEN '2026-02-01' AND '2026-02-10' GROUP BY c.day",
    "WITH first AS (SELECT customer_id, min(occurred_at) AS at FROM events WHERE kind = 'order' GROUP BY customer_id) SELECT substr(at, 1, 7), count(*) FROM first GROUP BY 1",
    "SELECT e.country, sum(e.amount_cents) / p.population FROM events e JOIN country_profiles p ON p.country = e.country GROUP BY e.country",
    "SELECT a.customer_id FROM events a JOIN events b ON a.customer_id = b.customer_id AND a.kind = 'order' AND b.kind = 'refund' GROUP BY 1 HAVING count(*) > 0",
    "SELECT kind FROM events WHERE customer_id IN (SELECT customer_id FROM events WHERE kind = 'refund') OR id IN (1, 2, 3) GROUP BY kind",
    "SELECT id, lag(amount_cents) OVER (PARTITION BY customer_id ORDER BY occurred_at) FROM events WHERE kind = 'order'",
    "SELECT group_concat(DISTINCT region), max(amount_cents), total(quantity), avg(quantity) FROM events",
    "SELECT month, sector, jobs, CASE WHEN jobs > 1000000 THEN 'large' ELSE 'small' END FROM us_employment WHERE sector LIKE 'Gov%' OR month GLOB '2015*'",
    "SELECT * FROM (SELECT region, count(*) AS n FROM events GROUP BY region) AS a, (SELECT count(*) AS whole FROM events) AS b",
    "SELECT exists(SELECT 1 FROM events WHERE kind = 'refund'), (SELECT max(day) FROM daily_totals)",
    "SELECT * FROM events EXCEPT SELECT * FROM events WHERE kind = 'visit'",
    "SELECT * FROM events e NATURAL JOIN daily_totals LIMIT 3",
  ])("in a form that analysts write: %s", async (sql) => {
    const answer = await run(sql, { limit: 5 });
    const { results } = await env.ANALYTICS_DB.prepare(sql).all();
    expect(answer.rows).toHaveLength(Math.min(5, results.length));
  });
});

describe("its result is limited", () => {
  it("in rows, in the statement's own order, with a note about more rows", async () => {
    const answer = await run("SELECT id FROM events ORDER BY id DESC", { limit: 7 });
    expect(answer.rows).toEqual([2000, 1999, 1998, 1997, 1996, 1995, 1994].map((id) => [id]));
    expect(answer.truncated).toBe(true);
    expect(answer.notes[0]).toContain("Only the first 7 rows");
    const exact = await run("SELECT id FROM events WHERE id <= 7", { limit: 7 });
    expect(exact.truncated).toBe(false);
  });

  it("in characters of a text", async () => {
    const answer = await run("SELECT group_concat(product, ',') AS all_products FROM events");
    expect(answer.rows[0][0]).toHaveLength(2_001);
    expect(answer.notes[0]).toContain("Long texts were cut");
  });

  it("in bytes, however many rows and columns share them", async () => {
    const wide = Array.from({ length: 20 }, (_, index) => `product || '${"y".repeat(100)}' AS c${index}`);
    const answer = await run(`SELECT ${wide.join(", ")} FROM events`, { limit: 1_000 });
    expect(answer.rows[0][0].length).toBeLessThanOrEqual(51);
    expect(answer.more).toMatchObject({ total: 1_000 });
  });

  it("and may be empty", async () => {
    expect(await run("SELECT id, kind FROM events WHERE kind = 'nothing'")).toEqual({
      columns: ["id", "kind"],
      rows: [],
      truncated: false,
    });
    expect((await run("SELECT id, kind FROM events LIMIT 0")).columns).toEqual(["id", "kind"]);
  });
});
