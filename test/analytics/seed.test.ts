import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { generateDays } from "../../scripts/seed/analytics/events.ts";
import { MARKETS } from "../../scripts/seed/analytics/shop.ts";
import { openSession } from "../support/session.ts";
import { AS_OF, loadShop } from "./shop.ts";

const generate = (events: number, days?: number) =>
  [...generateDays({ asOf: AS_OF, events, ...(days && { days }) })].flat();

describe("the generated shop", () => {
  it("is the same every time, and has the requested size", () => {
    expect(generate(1_234)).toEqual(generate(1_234));
    for (const size of [1, 10, 1_234]) expect(generate(size)).toHaveLength(size);
  });

  it("is in order of time, within its days, and numbered from 1", () => {
    const rows = generate(2_000, 100);
    const stamps = rows.map(({ occurred_at }) => occurred_at);
    expect(stamps).toEqual([...stamps].sort());
    expect(stamps.at(-1)?.slice(0, 10)).toBe("2026-02-28");
    expect(stamps[0]?.slice(0, 10)).toBe("2025-11-21");
    expect(rows.map(({ id }) => id)).toEqual(rows.map((_, index) => index + 1));
  });

  it("refunds no more than was ordered, and knows each customer's first order", () => {
    const rows = generate(20_000, 200);
    const orders = rows.filter(({ kind }) => kind === "order");
    const firsts = orders.filter(({ new_customer }) => new_customer === 1);
    expect(firsts).toHaveLength(new Set(orders.map(({ customer_id }) => customer_id)).size);
    const sum = (kind: string) =>
      rows.filter((row) => row.kind === kind).reduce((cents, row) => cents + row.amount_cents, 0);
    expect(sum("refund")).toBeGreaterThan(0);
    expect(sum("refund")).toBeLessThan(sum("order") / 5);
  });

  it("sells more at weekends than in the middle of the week", () => {
    const rows = generate(20_000, 210);
    const visitsOn = (weekday: number) =>
      rows.filter(
        ({ kind, occurred_at }) => kind === "visit" && new Date(occurred_at).getUTCDay() === weekday,
      ).length;
    expect(visitsOn(0)).toBeGreaterThan(visitsOn(2) * 1.15);
  });

  it("keeps every country in one region, so that customers of regions do not overlap", () => {
    const countries = MARKETS.map(([{ country }]) => country);
    expect(countries).toHaveLength(new Set(countries).size);
  });

  it("contains an outage that a comparison finds", async () => {
    await loadShop(20_000, 60);
    const session = await openSession({ server: "analytics", lane: "stateless" });
    const { data } = await session.call("analytics_compare", {
      metric: "checkout_completion",
      period: "2026-02-20..2026-02-22",
      against: "2026-02-15..2026-02-19",
      by: "region",
    });
    expect(data.contributions[0].member).toBe("Europe");
    expect(data.contributions[0].share_percent).toBeGreaterThan(60);
  }, 30_000);

  it("fits the tables, and its members can be filtered by", async () => {
    const { results } = await env.ANALYTICS_DB.prepare(
      "SELECT dimension, count(*) AS members FROM dimension_members GROUP BY dimension",
    ).all<{ dimension: string; members: number }>();
    expect(Object.fromEntries(results.map(({ dimension, members }) => [dimension, members]))).toMatchObject({
      region: 4,
      country: MARKETS.length,
      segment: 3,
    });
  });
});
