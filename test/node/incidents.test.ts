import { describe, expect, it } from "vitest";
import { generateDays, type ShopEvent } from "../../scripts/seed/analytics/events.ts";
import { addDays } from "../../workers/analytics/days.ts";
import { METRICS, type Metric } from "../../workers/analytics/semantic-layer.ts";
import { type Finding, groupFindings, isThick, lookAt } from "../../workers/analytics/series/incidents.ts";
import type { Series } from "../../workers/analytics/series/read-series.ts";
import { chooseScale } from "../../workers/analytics/series/scales.ts";
import { scoreCount, scorePart } from "../../workers/analytics/series/tails.ts";

const metricNamed = (name: string) => METRICS.find((metric) => metric.name === name) as Metric;
const completion = metricNamed("checkout_completion");
const CUTS = ["region", "country", "segment", "channel", "category", "product"] as const;

/** Parts of 100 of checkouts that became orders, by day. */
function makeSeries(rows: readonly ShopEvent[], member: string, buckets: readonly string[]): Series {
  const byDay = Map.groupBy(rows, ({ occurred_at }) => occurred_at.slice(0, 10));
  const count = (day: string, kind: string) => byDay.get(day)?.filter((row) => row.kind === kind).length ?? 0;
  const denominators = buckets.map((day) => count(day, "checkout"));
  const events = buckets.map((day) => count(day, "order"));
  const values = events.map((orders, index) =>
    denominators[index] ? (100 * orders) / denominators[index] : null,
  );
  return { member, buckets: [...buckets], values, denominators, events };
}

describe("the demonstration data of a first start", () => {
  it.each(["2026-11-29", "2026-12-09", "2027-01-04", "2027-02-10", "2027-05-11", "2027-08-22"])(
    "that ends before %s shows the outage of the checkout in Europe, and nothing that cost more",
    (asOf) => {
      const rows = [...generateDays({ asOf: new Date(`${asOf}T00:00:00Z`), events: 100_000 })]
        .slice(-146)
        .flat();
      const buckets = Array.from({ length: 146 }, (_, index) => addDays(asOf, index - 146));
      const first = buckets[56] ?? "";
      const look = (series: Series, count: number) =>
        lookAt(completion, series, {
          ...{ season: 7, limit: 3.5, longest: 7, series: count },
          isAsked: (bucket) => bucket >= first,
        })?.findings ?? [];
      const members = CUTS.flatMap((dimension) =>
        [...Map.groupBy(rows, (row) => row[dimension])]
          .map(([member, own]) => ({ dimension, series: makeSeries(own, member, buckets) }))
          .filter(({ series }) => isThick(series)),
      );
      const findings: Finding[] = [
        ...look(makeSeries(rows, "", buckets), 1),
        ...members.flatMap(({ dimension, series }) =>
          look(series, members.length).map((finding) => ({ ...finding, dimension })),
        ),
      ];
      const [incident] = groupFindings(findings);
      expect(incident).toMatchObject({ dimension: "region", member: "Europe" });
      const days = [-9, -8, -7].map((offset) => addDays(asOf, offset));
      expect(incident?.buckets.filter((day) => days.includes(day)).length).toBeGreaterThanOrEqual(3);
      expect(incident?.buckets.length).toBeLessThanOrEqual(4);
    },
  );
});

describe("a scale", () => {
  const series = (values: number[], denominators: number[] = []): Series => ({
    ...{ member: "", buckets: values.map(String), values, denominators, events: [] },
  });

  it("inverts exactly, and has no bound below zero or above 100 %", () => {
    for (const [name, values, denominators] of [
      ["orders", [0, 1, 5, 80], []],
      ["revenue", [0, 12.5, 4_000], []],
      ["average_order_value", [12.5, 80, 4_000], [3, 4, 5]],
      ["checkout_completion", [0, 50, 75, 100], [4, 6, 8, 20]],
    ] as [string, number[], number[]][]) {
      const scale = chooseScale(metricNamed(name), series(values, denominators));
      for (const [index, value] of values.entries()) {
        expect(scale.from(scale.to(value, index), index), name).toBeCloseTo(value, 6);
        expect(scale.from(-9, index), name).toBe(0);
        expect(scale.from(9, index) <= 100 || name !== "checkout_completion").toBe(true);
      }
    }
  });
});

describe("a tail", () => {
  /** Normal values of exact tails, from tables. */
  it.each([
    [0, 6, -2.81],
    [3, 17, -3.94],
    [12, 6, 2.05],
  ])("of %i where %i were expected has the normal value %f", (count, expected, normal) => {
    expect(scoreCount(count, expected)).toBeCloseTo(normal, 1);
  });

  it("of a proportion agrees with the exact one", () => {
    // P(X ≤ 4) of 20 at 0.5 is 0.0059, P(X ≥ 16) the same.
    expect(scorePart(4, 20, 0.5)).toBeCloseTo(-2.52, 1);
    expect(scorePart(16, 20, 0.5)).toBeCloseTo(2.52, 1);
    expect(scorePart(10, 20, 0.5)).toBe(0);
  });
});
