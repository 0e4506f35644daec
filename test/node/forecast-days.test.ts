import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { generateDays } from "../../scripts/seed/analytics/events.ts";
import { addDays, countDays } from "../../workers/analytics/days.ts";
import { forecastDays } from "../../workers/analytics/series/forecast-days.ts";
import { deviateSum, project, type State } from "../../workers/analytics/series/holt-winters.ts";
import { estimateYear } from "../../workers/analytics/series/year.ts";

const WIDTH = 1.96;
/** Busy Decembers, quiet Januaries, busy weekends, no growth. */
const seasonal = (day: string) =>
  100 *
  (day.slice(5, 7) === "12" ? 1.4 : day.slice(5, 7) === "01" ? 0.7 : 1) *
  (new Date(day).getUTCDay() % 6 === 0 ? 1.2 : 1);

function makeDays(first: string, last: string): number[] {
  return Array.from({ length: countDays(first, last) + 1 }, (_, index) => seasonal(addDays(first, index)));
}

describe("the season of the year", () => {
  it("is estimated from two years of days, and not from less", () => {
    const two = estimateYear(makeDays("2024-12-01", "2026-11-30"), "2024-12-01");
    expect((two?.("2026-12-20") ?? 0) / (two?.("2026-10-20") ?? 1)).toBeCloseTo(1.4, 1);
    expect((two?.("2027-01-20") ?? 0) / (two?.("2026-10-20") ?? 1)).toBeCloseTo(0.7, 1);
    expect(estimateYear(makeDays("2025-06-01", "2026-11-30"), "2025-06-01")).toBeUndefined();
  });

  it("is part of the forecast months", () => {
    const { rows, knowsYear } = forecastDays(
      makeDays("2024-12-01", "2026-11-30"),
      "2024-12-01",
      "month",
      3,
      WIDTH,
    );
    expect(knowsYear).toBe(true);
    const due = ["2026-12", "2027-01", "2027-02"].map((month, index) => {
      const days = [31, 31, 28][index] ?? 0;
      return Array.from({ length: days }, (_, day) => seasonal(addDays(`${month}-01`, day))).reduce(
        (a, b) => a + b,
        0,
      );
    });
    for (const [index, { value }] of rows.entries()) {
      expect(Math.abs(value / (due[index] ?? 1) - 1), rows[index]?.bucket).toBeLessThan(0.06);
    }
  });
});

describe("a running bucket", () => {
  it("is its measured days and the forecast of the others", () => {
    const values = makeDays("2026-06-01", "2026-11-21");
    const { rows, running } = forecastDays(values, "2026-06-01", "month", 2, WIDTH);
    const measured = values.slice(-21).reduce((a, b) => a + b, 0);
    expect(running).toEqual({ bucket: "2026-11", measured, days: 21 });
    const ahead = forecastDays(values, "2026-06-01", "day", 9, WIDTH).total;
    expect(rows[0]?.value).toBeCloseTo(measured + ahead.value, 6);
    expect(rows[0]?.deviation).toBeCloseTo(ahead.deviation, 6);
    expect(rows[1]?.bucket).toBe("2026-12");
  });

  it("is none where the history ends with a bucket", () => {
    const { rows, running } = forecastDays(
      makeDays("2026-06-01", "2026-11-30"),
      "2026-06-01",
      "month",
      1,
      WIDTH,
    );
    expect([running, rows[0]?.bucket]).toEqual([undefined, "2026-12"]);
  });
});

describe("the interval of a sum", () => {
  const smoothings = fc.record({
    alpha: fc.double({ min: 0.01, max: 0.9, noNaN: true }),
    beta: fc.double({ min: 0, max: 0.3, noNaN: true }),
    gamma: fc.double({ min: 0, max: 0.5, noNaN: true }),
    phi: fc.double({ min: 0.8, max: 0.98, noNaN: true }),
  });
  const state: State = { level: 0, trend: 0, season: Array<number>(7).fill(0) };

  it("is that of the step for a single step, and never wider than the steps in a row", () => {
    fc.assert(
      fc.property(smoothings, fc.integer({ min: 1, max: 40 }), (smoothing, count) => {
        const model = { smoothing, state, variance: 4 };
        const steps = project(model, count);
        const single = steps.map((_, index) => (index === count - 1 ? 1 : 0));
        expect(deviateSum(model, single)).toBeCloseTo(steps.at(-1)?.deviation ?? 0, 8);
        const all = deviateSum(model, Array<number>(count).fill(1));
        expect(all).toBeLessThanOrEqual(steps.reduce((total, { deviation }) => total + deviation, 0) + 1e-9);
        expect(all).toBeGreaterThanOrEqual(2 * Math.sqrt(count) - 1e-9);
      }),
    );
  });
});

describe("the demonstration shop of two years", () => {
  it("is forecast so that nine of ten intervals contain the actual values", () => {
    const days = [
      ...generateDays({ asOf: new Date("2026-11-29T00:00:00Z"), events: 130_000, days: 830 }),
    ].map(
      (day) =>
        [day[0]?.occurred_at.slice(0, 10) ?? "", day.filter(({ kind }) => kind === "visit").length] as const,
    );
    const known = days.slice(0, 730).map(([, count]) => count);
    const { rows, total } = forecastDays(known, days[0]?.[0] ?? "", "week", 12, WIDTH);
    const actual = rows.map(({ bucket }) =>
      days
        .filter(([day]) => day >= bucket && day < addDays(bucket, 7))
        .reduce((sum, [, count]) => sum + count, 0),
    );
    const inside = rows.filter(
      ({ value, deviation }, index) => Math.abs(value - (actual[index] ?? 0)) <= WIDTH * deviation,
    );
    expect(inside.length).toBeGreaterThanOrEqual(10);
    const whole = actual.reduce((sum, count) => sum + count, 0);
    expect(Math.abs(total.value - whole)).toBeLessThan(2.5 * total.deviation);
  });
});
