import { beforeAll, describe, expect, it } from "vitest";
import { listPartialBuckets } from "../../workers/analytics/grains.ts";
import { parsePeriod } from "../../workers/analytics/periods.ts";
import { openSession, type TestSession } from "../support/session.ts";
import { loadShop } from "./shop.ts";

let session: TestSession;

beforeAll(async () => {
  await loadShop(2_000, 100);
  session = await openSession({ server: "analytics", lane: "stateless" });
}, 60_000);

async function notesOf(tool: string, args: Record<string, unknown>): Promise<string> {
  const { data, error } = await session.call(tool, args);
  expect(error).toBeUndefined();
  return (data.notes ?? []).join(" ");
}

describe("a running period has a note", () => {
  it.each<[string, Record<string, unknown>]>([
    ["analytics_query", { metrics: ["revenue"], period: "this_month" }],
    ["analytics_query", { metrics: ["revenue"], period: "this_year", timezone: "Asia/Kolkata" }],
    ["analytics_query", { metrics: ["revenue"], period: "since 2026-01-01", grain: "month" }],
    ["analytics_compare", { metric: "revenue", period: "this_quarter" }],
    ["analytics_compare", { metric: "revenue", period: "last_month", against: "this_month" }],
    ["analytics_compare", { metric: "revenue", period: "ytd", against: "previous_year" }],
    ["analytics_regional_metrics", { period: "today" }],
    ["analytics_funnel", { period: "this_month" }],
  ])("%s %o", async (tool, args) => {
    expect(await notesOf(tool, args)).toContain("still running");
  });

  it("and a complete period has none", async () => {
    expect(await notesOf("analytics_query", { metrics: ["revenue"], period: "2026-01" })).toBe("");
    expect(await notesOf("analytics_compare", { metric: "revenue", period: "2026-02" })).toBe("");
  });

  it("in a list of buckets too, with the days that each cut bucket holds", async () => {
    const { data } = await session.call("analytics_query", {
      metrics: ["orders"],
      period: "2026-01-10..2026-02-20",
      grain: "month",
    });
    expect(data.partial).toEqual({
      "2026-01": "2026-01-10..2026-01-31",
      "2026-02": "2026-02-01..2026-02-20",
    });
    const now = new Date("2026-11-21T10:00:00Z");
    expect(listPartialBuckets(parsePeriod("this_year", now), "quarter", now)).toEqual({
      "2026-Q4": "2026-10-01..2026-11-21, still running",
    });
    expect(listPartialBuckets(parsePeriod("last_7_days", now), "day", now)).toEqual({});
    expect(listPartialBuckets(parsePeriod("today", now), "day", now)).toEqual({
      "2026-11-21": "2026-11-21, still running",
    });
  });

  it("and a comparison of periods of unequal length has a note", async () => {
    expect(
      await notesOf("analytics_compare", {
        metric: "orders",
        period: "2026-01",
        against: "2025-12-20..2025-12-31",
      }),
    ).toContain("The periods differ in length: 31 days against 12.");
  });
});

describe("a word that no field has", () => {
  it.each<[string, Record<string, unknown>]>([
    ["analytics_query", { metrics: ["orders"] }],
    ["analytics_compare", { metric: "orders" }],
    ["analytics_detect_anomalies", { metric: "orders" }],
    ["analytics_forecast", { metric: "orders" }],
    ["analytics_funnel", {}],
    ["analytics_retention", {}],
    ["analytics_regional_metrics", {}],
  ])("as a region of %s is refused and its dimension named", async (tool, args) => {
    const { error } = await session.call(tool, { ...args, region: "Germany", period: "2026-01" });
    expect(error).toMatchObject({
      code: "invalid_input",
      suggested_action: 'Germany is a country: use filters {"country": "Germany"}.',
    });
  });

  it("as a customer is refused, and a known customer's id is found", async () => {
    const ask = (customer: string) =>
      session.call("analytics_query", { metrics: ["visits"], period: "2026", filters: { customer } });
    expect((await ask("C999999")).error).toMatchObject({
      code: "invalid_input",
      message: 'There is no customer "C999999".',
    });
    expect((await ask("C000001")).data.totals.visits).toBeGreaterThan(0);
  });

  it.each<[string, Record<string, unknown>]>([
    ["analytics_query", { metrics: ["orders"] }],
    ["analytics_compare", { metric: "orders", by: "country" }],
    ["analytics_funnel", {}],
    ["analytics_retention", { grain: "week" }],
  ])("together with another filter leaves no rows in %s, and the answer notes it", async (tool, args) => {
    const filters = { region: "Europe", country: "Japan" };
    const said = await notesOf(tool, { ...args, period: "2026-01-01..2026-01-31", filters });
    expect(said).toContain("Nothing in this period matches region Europe and country Japan");
  });

  it.each(["analytics_detect_anomalies", "analytics_forecast"])(
    "makes %s no series of zeros",
    async (tool) => {
      const { error } = await session.call(tool, {
        metric: "orders",
        period: "2026-01-01..2026-02-28",
        filters: { region: "Europe", country: "Japan" },
      });
      expect(error?.message).toContain("Nothing in this period matches");
    },
  );

  it("of another trade is no synonym of the shop's figures", async () => {
    for (const metric of ["deals won", "bookings", "earnings"]) {
      const { error } = await session.call("analytics_query", { metrics: [metric] });
      expect(error?.message, metric).toContain(`There is no metric "${metric}".`);
    }
  });

  it("in the catalogue of metrics is reported as unknown", async () => {
    expect(await notesOf("analytics_list_metrics", { search: "zzz" })).toContain(
      'No metric has the words "zzz"',
    );
  });
});
