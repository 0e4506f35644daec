import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import {
  generateStatement,
  generateText,
  startChance,
} from "../../scripts/bench/sql-bounds/generate-statements.ts";
import { REPORTS } from "../../scripts/bench/sql-bounds/reports.ts";
import { ToolError } from "../../shared/call/tool-error.ts";
import type { PlanStep } from "../../workers/analytics/sql/cost.ts";
import { boundCost } from "../../workers/analytics/sql/cost.ts";
import type { Instruction } from "../../workers/analytics/sql/program.ts";
import { readSizes } from "../../workers/analytics/sql/sizes.ts";
import { boundTexts } from "../../workers/analytics/sql/texts.ts";
import { readStatement } from "../../workers/analytics/sql/tokens.ts";
import { boundWork } from "../../workers/analytics/sql/work.ts";
import { openAnalyticsStore } from "../../workers/analytics/store.ts";
import { loadPublicSample, loadShop } from "./shop.ts";

/** As large as the demonstration data. */
const ROWS = new Map([
  ["events", 100_000],
  ["calendar", 15_000],
  ["us_employment", 1_500],
  ["country_profiles", 250],
]);

beforeAll(async () => {
  await loadShop(60, 60);
  await loadPublicSample();
});

/** Estimated nanoseconds of a statement over the demonstration data. */
async function workOf(sql: string): Promise<number> {
  const { tokens, text } = readStatement(sql);
  const [program, plan] = await env.ANALYTICS_DB.batch([
    env.ANALYTICS_DB.prepare(`EXPLAIN ${text}`),
    env.ANALYTICS_DB.prepare(`EXPLAIN QUERY PLAN ${text}`),
  ]);
  const sizes = readSizes(tokens, ROWS);
  const visits = boundCost((plan?.results ?? []) as unknown as PlanStep[], sizes);
  const instructions = (program?.results ?? []) as unknown as Instruction[];
  return boundWork(instructions, tokens, { visits, largest: sizes.largest }, boundTexts(tokens, 0));
}

describe("the work of a statement", () => {
  it.each([
    "SELECT sum(amount_cents) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW) FROM events",
    `SELECT count(*) FROM events WHERE ${Array.from({ length: 4_000 }, () => "+1").join("")} + id < 5 OR ${Array.from({ length: 900 }, () => "id").join(" + ")} > 5 AND ${Array.from({ length: 900 }, () => "id").join(" + ")} > 6`,
    "SELECT max(length(json)) FROM json_each((SELECT json_group_array(id) FROM events))",
    "SELECT count(DISTINCT group_concat) FROM (SELECT group_concat(product) AS group_concat FROM events GROUP BY customer_id)",
    "SELECT length(group_concat(product)) FROM events",
    "SELECT group_concat(product) OVER (ORDER BY id) FROM events",
    "SELECT count(*) FROM events WHERE strftime(kind || product, occurred_at) LIKE strftime(kind || product || kind || product, occurred_at)",
  ])("is refused where it would block other callers: %s", async (sql) => {
    await expect(workOf(sql)).rejects.toBeInstanceOf(ToolError);
  });

  it.each([...REPORTS])("allows typical statements of analysts: %s", async (sql) => {
    expect(await workOf(sql)).toBeGreaterThan(0);
  });
});

describe("the bound of texts", () => {
  it("is at least the longest text that an expression makes", async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(1_000_000), fc.integer({ min: 1, max: 4 }), async (seed, depth) => {
        const expression = generateText(startChance(seed), depth);
        const { tokens } = readStatement(`SELECT ${expression} AS made FROM events`);
        let longest: number;
        let collects: boolean;
        try {
          ({ longest, collects } = boundTexts(tokens, 0));
        } catch (failure) {
          expect(failure).toBeInstanceOf(ToolError);
          return;
        }
        // The bound of a collected text grows with the rows; statements over the bound are not run here.
        if (collects || longest > 50_000) return;
        const made = await env.ANALYTICS_DB.prepare(
          `SELECT max(length(made)) AS length FROM (SELECT ${expression} AS made FROM events LIMIT 20)`,
        )
          .first<{ length: number | null }>()
          .catch(() => null);
        compared += 1;
        expect(made?.length ?? 0, expression).toBeLessThanOrEqual(longest);
      }),
      { numRuns: 200 },
    );
    expect(compared).toBeGreaterThan(20);
  });

  it("makes every generated statement end in an answer or one of our errors", async () => {
    const store = openAnalyticsStore(env.ANALYTICS_DB);
    const signal = new AbortController().signal;
    const chance = startChance(7);
    for (let count = 0; count < 60; count += 1) {
      const sql = generateStatement(chance);
      await store
        .query(sql, [], 5, signal)
        .catch((failure: unknown) => expect(failure, sql).toBeInstanceOf(ToolError));
    }
  });
});
