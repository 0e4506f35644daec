import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { ShopEvent } from "../../scripts/seed/analytics/events.ts";
import { insertEvents } from "../../scripts/seed/analytics/insert.ts";
import { splitChange } from "../../workers/analytics/contributions.ts";
import { MEASURES, type MeasureName, type Parts } from "../../workers/analytics/measures.ts";
import { computeTicks, decimalsOf, factOf, measuresOf } from "../../workers/analytics/metrics.ts";
import { METRICS } from "../../workers/analytics/semantic-layer.ts";
import { openSession, type TestSession } from "../support/session.ts";
import { groupBy, RECOMPUTE, within } from "./recompute.ts";
import { loadShop, makeEvent } from "./shop.ts";

const SHOP = METRICS.filter((metric) => factOf(metric) === "commerce");
const DIMENSIONS = ["region", "country", "segment", "channel", "category", "product", "campaign"] as const;

let rows: ShopEvent[];
let session: TestSession;

beforeAll(async () => {
  rows = await loadShop();
  // Customers with orders in two regions, two categories and through two channels: distinct counts do not add
  // up.
  const wanderers = Array.from({ length: 12 }, (_, index) =>
    makeEvent({
      id: 900_000 + index,
      occurred_at: `2026-01-${String(10 + index).padStart(2, "0")}T10:00:00Z`,
      customer_id: `W${index % 3}`,
      region: index % 2 ? "Europe" : "Asia Pacific",
      category: index % 2 ? "Footwear" : "Packs",
      channel: ["search", "email", "ads"][index % 3] ?? "search",
      amount_cents: 3_333 + index,
    }),
  );
  await insertEvents(env.ANALYTICS_DB, wanderers);
  rows = [...rows, ...wanderers];
  session = await openSession({ server: "analytics", lane: "stateless" });
});

async function compare(args: Record<string, unknown>) {
  const answer = await session.call("analytics_compare", args);
  expect(answer.error).toBeUndefined();
  return answer.data;
}

describe.each(SHOP.map((metric) => [metric.name, metric] as const))("%s", (name, metric) => {
  it.each(DIMENSIONS)("contributions by %s add up to the change, to the last digit", async (by) => {
    const answer = await compare({ metric: name, period: "2026-01", against: "2025-12", by, limit: 3 });
    const scale = 10 ** decimalsOf(metric);
    const parts = [...answer.contributions, ...(answer.others ? [answer.others] : [])];
    const sum = parts.reduce((ticks, { contribution }) => ticks + Math.round(contribution * scale), 0);
    const recomputed = RECOMPUTE[name];
    const [before, after] = [
      recomputed?.(within(rows, "2025-12-01", "2025-12-31")),
      recomputed?.(within(rows, "2026-01-01", "2026-01-31")),
    ];
    expect([answer.baseline, answer.value]).toEqual([before, after]);
    expect(sum).toBe(Math.round((after ?? 0) * scale) - Math.round((before ?? 0) * scale));
    expect(Math.round(answer.change * scale)).toBe(sum);
  });

  it("shows each member's own figures", async () => {
    const answer = await compare({ metric: name, period: "2026-01", against: "2025-12", by: "region" });
    const groups = groupBy(within(rows, "2026-01-01", "2026-01-31"), ({ region }) => region);
    for (const { member, value } of answer.contributions)
      expect(value).toBe(RECOMPUTE[name]?.(groups.get(member) ?? []));
  });
});

describe("the parts of a change", () => {
  const integer = fc.integer({ min: 0, max: 50_000_000 });

  function memberOf(measures: readonly MeasureName[]) {
    const parts = fc.record(Object.fromEntries(measures.map((measure) => [measure, integer])));
    return fc.record({ before: parts, after: parts });
  }

  it.each(METRICS.map((metric) => [metric.name, metric] as const))(
    "of %s add up whatever the numbers",
    (_name, metric) => {
      const measures = measuresOf(metric);
      fc.assert(
        fc.property(fc.array(memberOf(measures), { minLength: 1, maxLength: 25 }), (drawn) => {
          const members = drawn.map((member, index) => ({ ...member, name: `m${index}` }));
          const total = (side: "before" | "after"): Parts =>
            Object.fromEntries(
              measures.map((measure) => [
                measure,
                // A shared measure, such as the months of a period, is the same number for the whole.
                MEASURES[measure].adds === "shared"
                  ? 7
                  : members.reduce((sum, member) => sum + ((member[side] as Parts)[measure] ?? 0), 0),
              ]),
            );
          const [before, after] = [total("before"), total("after")];
          const split = splitChange(metric, before, after, members);
          const [ticksBefore, ticksAfter] = [computeTicks(metric, before), computeTicks(metric, after)];
          if (ticksBefore === null || ticksAfter === null) {
            expect(split).toBeUndefined();
            return;
          }
          const scale = 10 ** decimalsOf(metric);
          const sum = split?.reduce((ticks, { contribution }) => ticks + Math.round(contribution * scale), 0);
          expect(sum).toBe(ticksAfter - ticksBefore);
        }),
      );
    },
  );

  it("of a rate credit the group that improved, and the one whose weight changed", () => {
    const metric = METRICS.find(({ name }) => name === "conversion_rate");
    if (!metric) throw new Error("conversion_rate is gone");
    // North doubles its rate at the same weight; South stays as it is.
    const before = { orders: 20, visits: 200 };
    const after = { orders: 30, visits: 200 };
    const split = splitChange(metric, before, after, [
      { name: "North", before: { orders: 10, visits: 100 }, after: { orders: 20, visits: 100 } },
      { name: "South", before: { orders: 10, visits: 100 }, after: { orders: 10, visits: 100 } },
    ]);
    expect(split?.map(({ member, contribution }) => [member, contribution])).toEqual([
      ["North", 5],
      ["South", 0],
    ]);
  });
});

describe("comparing", () => {
  it("against the year before takes the same dates", async () => {
    const answer = await compare({
      metric: "orders",
      period: "2026-02",
      against: "previous year",
      by: "channel",
    });
    expect(answer.baseline_period).toBe("2025-02-01..2025-02-28");
    expect(answer.baseline).toBe(RECOMPUTE.orders?.(within(rows, "2025-02-01", "2025-02-28")));
  });

  it("inside a filter explains the filtered figure", async () => {
    const answer = await compare({
      metric: "revenue",
      period: "2026-01",
      by: "country",
      region: "Europe",
      filters: { channel: "search" },
    });
    const kept = within(rows, "2026-01-01", "2026-01-31").filter(
      ({ region, channel }) => region === "Europe" && channel === "search",
    );
    expect(answer.value).toBe(RECOMPUTE.revenue?.(kept));
  });

  it.each<[string, Record<string, unknown>, string]>([
    ["single customers", { metric: "revenue", by: "customer" }, "not explained by single customers"],
    ["a bad baseline", { metric: "revenue", against: "before" }, '"before" is not a period'],
    ["an unknown metric", { metric: "happiness" }, 'There is no metric "happiness"'],
  ])("by %s is refused", async (_what, args, message) => {
    const { error } = await session.call("analytics_compare", args);
    expect(error).toMatchObject({ code: "invalid_input", message: expect.stringContaining(message) });
  });

  it("with a period without a value adds a note instead of inventing a change", async () => {
    const answer = await compare({
      metric: "conversion_rate",
      period: "2026-01",
      against: "2019-01",
      by: "region",
    });
    expect(answer).toMatchObject({ baseline: null, change: null, change_percent: null, contributions: [] });
    expect(answer.notes.join(" ")).toContain("no change to explain");
  });
});
