import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { generateDays, type ShopEvent } from "../../scripts/seed/analytics/events.ts";
import { insertEvents } from "../../scripts/seed/analytics/insert.ts";
import { metricOutOfLine } from "../../workers/analytics/events/metric-out-of-line.ts";
import { scorePoints } from "../../workers/analytics/series/anomalies.ts";
import { openAnalyticsStore } from "../../workers/analytics/store.ts";
import { openSession, type TestSession } from "../support/session.ts";
import { RECOMPUTE, within } from "./recompute.ts";
import { AS_OF } from "./shop.ts";

/** Weeks with a strong weekend and a rising level, with a little noise that is the same every time. */
function makeWeeks(days: number): number[] {
  return Array.from(
    { length: days },
    (_, index) => 200 + index + ([60, 0, -5, 0, 5, 20, 50][index % 7] ?? 0) + ((index * 37) % 11) - 5,
  );
}

describe("the score of a point", () => {
  it("is 0.6745 × distance ÷ MAD, as published, where there is neither trend nor season", () => {
    // Symmetric around 10: the running median is 10 throughout.
    const values = [9, 11, 10, 10, 9, 11, 10, 10, 9, 11, 10, 10, 9, 11, 10, 10, 9, 11, 30, 10, 9, 11, 10, 10];
    const scores = scorePoints(values, 1, 3.5) ?? [];
    const middle = 10;
    const deviations = values.map((value) => Math.abs(value - middle)).sort((a, b) => a - b);
    const mad = ((deviations[11] ?? 0) + (deviations[12] ?? 0)) / 2;
    expect(mad).toBe(1);
    expect(scores[18]?.score).toBeCloseTo((0.6745 * (30 - middle)) / mad, 2);
    expect(scores.filter((score) => Math.abs(score?.score ?? 0) > 3.5)).toHaveLength(1);
  });

  it("finds a fall on any day of a seasonal, growing series, and nothing else", () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 80 }), (at) => {
        const values = makeWeeks(84);
        values[at] = (values[at] ?? 0) - 120;
        const scores = scorePoints(values, 7, 3.5) ?? [];
        const found = scores.flatMap((score, index) => (Math.abs(score?.score ?? 0) > 3.5 ? [index] : []));
        expect(found).toContain(at);
        expect(found.length).toBeLessThanOrEqual(2);
        expect(scores[at]?.score).toBeLessThan(0);
      }),
    );
  });

  it("does not call a weekend an anomaly", () => {
    const scores = scorePoints(makeWeeks(84), 7, 3.5) ?? [];
    expect(scores.filter((score) => Math.abs(score?.score ?? 0) > 3.5)).toHaveLength(0);
  });

  it("tolerates a week of outage, because it uses medians", () => {
    const values = makeWeeks(112);
    for (let day = 50; day < 54; day++) values[day] = 10;
    const scores = scorePoints(values, 7, 3.5) ?? [];
    const found = scores.flatMap((score, index) => ((score?.score ?? 0) < -3.5 ? [index] : []));
    expect(found).toEqual([50, 51, 52, 53]);
  });

  it("skips points without a value and refuses a short series", () => {
    expect(scorePoints([1, 2, 3, 4, 5, 6, 7], 1, 3.5)).toBeUndefined();
    expect(scorePoints([...makeWeeks(40), null], 7, 3.5)?.at(-1)).toBeNull();
  });
});

let rows: ShopEvent[];

describe("analytics_detect_anomalies", () => {
  let session: TestSession;

  beforeAll(async () => {
    // Without its visits, which these questions do not need, the shop is large enough to tell a fall from
    // chance.
    const days = [...generateDays({ asOf: AS_OF, events: 50_000, days: 100 })].flat();
    rows = days.filter(({ kind }) => kind !== "visit");
    await insertEvents(env.ANALYTICS_DB, rows);
    session = await openSession({ server: "analytics", lane: "stateless" });
  }, 60_000);

  const period = "2026-01-01..2026-02-28";

  it("finds the outage of the checkout as one run of its days in its region, which the question does not name", async () => {
    const { data } = await session.call("analytics_detect_anomalies", {
      metric: "checkout_completion",
      period,
    });
    const [first] = data.anomalies;
    expect(first).toMatchObject({
      at: "2026-02-20",
      until: "2026-02-22",
      dimension: "region",
      member: "Europe",
    });
    const days = within(rows, "2026-02-20", "2026-02-22").filter(({ region }) => region === "Europe");
    expect(first.value).toBeCloseTo(RECOMPUTE.checkout_completion?.(days) ?? 0, 1);
    expect(first.why).toMatch(
      /^\d+ % below the [\d.,]+ expected for these 3 days; usual is [\d.,]+ to [\d.,]+\.$/,
    );
    expect(data.cost_unit).toBe("orders");
    expect(first.cost).toBeGreaterThan(0);
    expect(data.next).toBe(
      "For the cause: analytics_compare with metric checkout_completion, period 2026-02-20..2026-02-22, " +
        'against 2026-02-13..2026-02-15, by region, then channel with filters {"region": "Europe"}.',
    );
  });

  it("is told to subscribers once its day is over, once, and on no quiet day", async () => {
    const store = openAnalyticsStore(env.ANALYTICS_DB);
    const read = (after: string | null, now: string) =>
      metricOutOfLine.read({ arguments: { metric: "checkout_completion" }, after, limit: 50 }, {
        store,
        now: new Date(now),
      } as never);
    const { position } = await read(null, "2026-02-20T09:00:00Z");
    expect((await read(position, "2026-02-20T23:00:00Z")).events).toEqual([]);
    const first = await read(position, "2026-02-21T06:00:00Z");
    expect(first.events.map(({ at, data }) => [at, data.day, data.member])).toEqual([
      ["2026-02-21T00:00:00.000Z", "2026-02-20", "Europe"],
    ]);
    expect((await read(first.position, "2026-02-21T20:00:00Z")).events).toEqual([]);
    const later = await read("2026-02-25", "2026-02-27T06:00:00Z");
    expect(later.events.filter(({ data }) => data.member === "Europe")).toEqual([]);
  });

  it.each(["orders", "revenue"])("finds it behind %s as well, where it cost most of all", async (metric) => {
    const { data } = await session.call("analytics_detect_anomalies", { metric, period });
    const [first] = data.anomalies;
    expect([first.member, first.at, first.until]).toEqual(["Europe", "2026-02-20", "2026-02-22"]);
    const costs = data.anomalies.map(({ cost }: { cost: number }) => cost);
    expect(costs).toEqual([...costs].sort((a: number, b: number) => b - a));
  });

  it("searches only the members of a named dimension", async () => {
    const { data } = await session.call("analytics_detect_anomalies", {
      metric: "checkout_completion",
      by: "region",
      period,
    });
    expect(
      data.anomalies.map(({ member, at, until }: Record<string, string>) => [member, at, until]),
    ).toEqual([["Europe", "2026-02-20", "2026-02-22"]]);
  });

  it("keeps the usual range within valid values, for counts and for rates", async () => {
    for (const [metric, most] of [
      ["orders", Number.POSITIVE_INFINITY],
      ["checkout_completion", 100],
    ] as const) {
      const { data } = await session.call("analytics_detect_anomalies", {
        ...{ metric, period, by: "country", sensitivity: "high", limit: 100 },
      });
      expect(data.anomalies.length).toBeGreaterThan(0);
      for (const { usual, expected } of data.anomalies) {
        expect(usual[0]).toBeGreaterThanOrEqual(0);
        expect(usual[1]).toBeLessThanOrEqual(most);
        expect(expected).toBeGreaterThanOrEqual(usual[0]);
        expect(expected).toBeLessThanOrEqual(usual[1]);
      }
    }
  });

  it("gives the values of the rows, summed up over a run", async () => {
    const { data } = await session.call("analytics_detect_anomalies", {
      metric: "orders",
      filters: { country: "Germany" },
      sensitivity: "high",
      period,
      limit: 100,
    });
    expect(data.checked).toBe(59);
    expect(data.found).toBe(data.anomalies.length);
    const whole = data.anomalies.filter(
      ({ metric, dimension }: Record<string, string>) => metric === undefined && dimension === undefined,
    );
    for (const { at, until, value, usual } of whole) {
      const days = within(rows, at, until ?? at).filter(({ country }) => country === "Germany");
      expect([at, value]).toEqual([at, RECOMPUTE.orders?.(days)]);
      expect(value < usual[0] || value > usual[1]).toBe(true);
    }
  });

  it("is less strict on request", async () => {
    const args = { metric: "orders", by: "channel", period, limit: 100 };
    const counts = [];
    for (const sensitivity of ["low", "normal", "high"]) {
      counts.push((await session.call("analytics_detect_anomalies", { ...args, sensitivity })).data.found);
    }
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect(counts[2]).toBeGreaterThan(counts[0]);
  });

  it("names the days that have data when the period has none", async () => {
    const { error } = await session.call("analytics_detect_anomalies", { metric: "revenue", period: "2020" });
    expect(error?.suggested_action).toContain("there is data from 2025-11-21 to 2026-02-28");
  });
});

describe("analytics_forecast", () => {
  let session: TestSession;

  beforeAll(async () => {
    session = await openSession({ server: "analytics", lane: "sessionful" });
  });

  it("follows the last day of data, adds up, and shows its error on the past", async () => {
    const { data } = await session.call("analytics_forecast", {
      metric: "orders",
      period: "2025-11-01..2026-02-28",
      horizon: 14,
    });
    expect(data.rows).toHaveLength(14);
    expect(data.rows[0][0]).toBe("2026-03-01");
    expect(data.rows.at(-1)[0]).toBe("2026-03-14");
    const sum = data.rows.reduce((total: number, [, value]: [string, number]) => total + value, 0);
    expect(data.total).toBe(sum);
    for (const [, value, low, high] of data.rows) {
      expect(low).toBeLessThanOrEqual(value);
      expect(high).toBeGreaterThanOrEqual(value);
      expect(low).toBeGreaterThanOrEqual(0);
    }
    expect(data.back_test).toMatchObject({ points: expect.any(Number), mase: expect.any(Number) });
    expect(data.back_test.mase).toBeLessThan(1.2);
    expect(data.method).toContain("season of 7");
    expect(data.confidence).toBe("tested");
    expect(data.total_range[0]).toBeLessThan(data.total);
    expect(data.total_range[1]).toBeGreaterThan(data.total);
  });

  it("counts the days that a running week or month already has", async () => {
    const { data } = await session.call("analytics_forecast", {
      metric: "orders",
      grain: "month",
      horizon: 1,
      period: "2025-11-21..2026-02-18",
    });
    const measured = RECOMPUTE.orders?.(within(rows, "2026-02-01", "2026-02-18")) ?? 0;
    expect(data.running).toEqual({ bucket: "2026-02", measured, days: 18 });
    const [[month, value, low, high]] = data.rows;
    expect(month).toBe("2026-02");
    expect(low).toBeGreaterThanOrEqual(measured);
    expect(value).toBeGreaterThan(measured);
    expect(high).toBeGreaterThan(value);
    expect(data.notes.join(" ")).toContain("2026-02 is running: 18 measured days are in its figure");
  });

  it("from too little history contains a note and has figures of two digits", async () => {
    const { data } = await session.call("analytics_forecast", {
      metric: "revenue",
      grain: "month",
      horizon: 6,
      period: "2025-11-21..2026-02-28",
    });
    expect(data.confidence).toBe("rough");
    expect(data.notes.join(" ")).toContain("less than two years");
    for (const figure of [
      data.total,
      ...data.total_range,
      ...data.rows.flatMap((row: number[]) => row.slice(1)),
    ]) {
      expect(figure).toBe(Number(figure.toPrecision(2)));
    }
  });

  it("forecasts months and quarters with their own names", async () => {
    const few = await session.call("analytics_forecast", {
      metric: "average_order_value",
      grain: "month",
      period: "2025-11-01..2026-02-28",
    });
    expect(few.error?.message).toBe("There are only 3 whole points; a forecast needs 12.");
    const short = await session.call("analytics_forecast", { metric: "revenue", period: "2026-02" });
    expect(short.error?.message).toBe("There are only 28 whole days; a forecast needs 56.");
    const weeks = await session.call("analytics_forecast", {
      metric: "sales",
      grain: "week",
      horizon: 3,
      period: "2025-11-01..2026-02-28",
    });
    expect(weeks.data.rows.map(([week]: [string]) => week)).toEqual([
      "2026-02-23",
      "2026-03-02",
      "2026-03-09",
    ]);
  });
});
