import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import type { ShopEvent } from "../../scripts/seed/analytics/events.ts";
import { METRICS } from "../../workers/analytics/semantic-layer.ts";
import { openSession, type TestSession } from "../support/session.ts";
import { groupBy, RECOMPUTE, within } from "./recompute.ts";
import { loadPublicSample, loadShop } from "./shop.ts";

let now: ShopEvent[];
let before: ShopEvent[];
let session: TestSession;

beforeAll(async () => {
  const rows = await loadShop();
  now = within(rows, "2026-02-01", "2026-02-28");
  before = within(rows, "2026-01-01", "2026-01-31");
  await loadPublicSample();
  session = await openSession({ server: "analytics", lane: "stateless" });
});

async function ask(args: Record<string, unknown>) {
  const answer = await session.call("analytics_regional_metrics", { period: "2026-02", ...args });
  expect(answer.error).toBeUndefined();
  return answer.data;
}

describe("the regional table", () => {
  it("has every region with its figure, share, and figure and change of the month before", async () => {
    const answer = await ask({});
    expect(answer.previous_period).toBe("2026-01-01..2026-01-31");
    expect(answer.columns).toEqual([
      "region",
      "revenue",
      "revenue_share_percent",
      "revenue_previous",
      "revenue_change_percent",
      "orders",
      "orders_share_percent",
      "orders_previous",
      "orders_change_percent",
    ]);
    const groups = groupBy(now, ({ region }) => region);
    const past = groupBy(before, ({ region }) => region);
    expect(answer.rows).toHaveLength(4);
    for (const [region, revenue, , previous, change] of answer.rows) {
      const [value, was] = [
        RECOMPUTE.revenue?.(groups.get(region) ?? []),
        RECOMPUTE.revenue?.(past.get(region) ?? []),
      ];
      expect([revenue, previous]).toEqual([value, was]);
      expect(change).toBeCloseTo((((value ?? 0) - (was ?? 0)) / (was ?? 1)) * 100, 1);
    }
  });

  it("has shares that add up to 100 percent and totals that equal the sum of the rows", async () => {
    const { rows, totals } = await ask({ metrics: ["revenue"] });
    const sum = (column: number) =>
      rows.reduce((all: number, row: number[]) => all + Math.round((row[column] ?? 0) * 100), 0);
    expect(sum(2)).toBe(10_000);
    expect(sum(1)).toBe(Math.round(totals.revenue.value * 100));
    expect(totals.revenue.previous).toBe(RECOMPUTE.revenue?.(before));
  });

  it("gives rates and distinct customers without shares, which would not add up", async () => {
    const { columns } = await ask({ metrics: "customers, conversion_rate" });
    expect(columns.filter((column: string) => column.includes("share"))).toEqual([]);
  });

  it("by country has the revenue per million people, where the population is known", async () => {
    const { rows, columns, notes } = await ask({ by: "country", metrics: ["revenue"] });
    expect(columns.at(-1)).toBe("revenue_per_million_people");
    const germany = rows.find(([country]: [string]) => country === "Germany");
    expect(germany.at(-1)).toBeCloseTo((germany[1] / 80_688_545) * 1_000_000, 2);
    expect(rows.find(([country]: [string]) => country === "France").at(-1)).toBeNull();
    expect(notes.join()).toContain("Gapminder, CC BY 4.0");
  });

  it("of one region keeps only its countries", async () => {
    const { rows } = await ask({ by: "country", region: "Europe", segment: "Consumer" });
    const countries = new Set(
      now
        .concat(before)
        .filter(({ region }) => region === "Europe")
        .map(({ country }) => country),
    );
    expect(rows.every(([country]: [string]) => countries.has(country))).toBe(true);
  });

  it("of data without regions is refused", async () => {
    const { error } = await session.call("analytics_regional_metrics", { metrics: ["us_jobs"] });
    expect(error).toMatchObject({ code: "invalid_input", message: "us_jobs has no regions." });
  });
});

describe("daily totals", () => {
  it("equal the sums of the events, also after a deletion", async () => {
    const db = env.ANALYTICS_DB;
    await db.prepare("DELETE FROM events WHERE id % 7 = 0").run();
    const sums = `kind, substr(occurred_at, 1, 10) AS day, region, country, segment, count(*) AS events,
      sum(quantity) AS quantity, sum(amount_cents) AS amount_cents, sum(cost_cents) AS cost_cents, sum(new_customer) AS new_customers`;
    const { results: expected } = await db
      .prepare(`SELECT ${sums} FROM events GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5`)
      .all();
    const { results } = await db
      .prepare("SELECT * FROM daily_totals ORDER BY kind, day, region, country, segment")
      .all();
    expect(results.length).toBeGreaterThan(500);
    expect(results).toEqual(expected);
  });

  it("cannot drift, because an event is never changed", async () => {
    const change = env.ANALYTICS_DB.prepare("UPDATE events SET amount_cents = 1").run();
    await expect(change).rejects.toThrow("events are never changed");
  });
});

describe("the catalogue", () => {
  it("lists every metric once, and finds by meaning", async () => {
    const all = await session.call("analytics_list_metrics", {});
    expect(all.data.metrics.map(({ name }: { name: string }) => name)).toEqual(
      METRICS.map(({ name }) => name),
    );
    const found = await session.call("analytics_list_metrics", { search: "basket" });
    expect(found.data.metrics[0].name).toBe("average_order_value");
    const none = await session.call("analytics_list_metrics", { search: "weather" });
    expect(none.data).toMatchObject({ metrics: [], total: METRICS.length });
  });

  it("has no name or synonym with two meanings", () => {
    const words = METRICS.flatMap(({ name, title, synonyms }) => [
      ...new Set([name, title.toLowerCase().replaceAll(" ", "_"), ...synonyms]),
    ]);
    expect(words.length).toBe(new Set(words).size);
  });
});
