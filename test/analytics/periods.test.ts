import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ToolError } from "../../shared/call/tool-error.ts";
import { addDays, addMonths, countDays, firstDayOf, isDay } from "../../workers/analytics/days.ts";
import { GRAINS, listBuckets } from "../../workers/analytics/grains.ts";
import { formatPeriod, PERIOD_WORDS, parsePeriod, shiftBack } from "../../workers/analytics/periods.ts";

/** A Saturday. */
const NOW = new Date("2026-11-21T10:00:00Z");

const read = (text: string, now = NOW) => formatPeriod(parsePeriod(text, now));

describe("a period in common words", () => {
  it.each([
    ["today", "2026-11-21"],
    ["yesterday", "2026-11-20"],
    ["last_7_days", "2026-11-14..2026-11-20"],
    ["Last 30 Days", "2026-10-22..2026-11-20"],
    ["past-90-days", "2026-08-23..2026-11-20"],
    ["this_week", "2026-11-16..2026-11-21"],
    ["last_week", "2026-11-09..2026-11-15"],
    ["this_month", "2026-11-01..2026-11-21"],
    ["last month", "2026-10-01..2026-10-31"],
    ["this_quarter", "2026-10-01..2026-11-21"],
    ["last_quarter", "2026-07-01..2026-09-30"],
    ["this_year", "2026-01-01..2026-11-21"],
    ["last_year", "2025-01-01..2025-12-31"],
    ["last 12 months", "2025-11-01..2026-10-31"],
    ["last_4_weeks", "2026-10-19..2026-11-15"],
    ["past 2 quarters", "2026-04-01..2026-09-30"],
    ["previous month", "2026-10-01..2026-10-31"],
    ["YTD", "2026-01-01..2026-11-21"],
    ["quarter to date", "2026-10-01..2026-11-21"],
    ["2024", "2024-01-01..2024-12-31"],
    ["2026", "2026-01-01..2026-11-21"],
    ["2026-12", "2026-12-01..2026-12-31"],
    ["2026-Q1", "2026-01-01..2026-03-31"],
    ["2026q4", "2026-10-01..2026-11-21"],
    ["Q2 2025", "2025-04-01..2025-06-30"],
    ["2024-02", "2024-02-01..2024-02-29"],
    ["2026-03-05", "2026-03-05"],
    ["2026-03-01..2026-03-15", "2026-03-01..2026-03-15"],
    ["2026-03-01 to 2026-03-15", "2026-03-01..2026-03-15"],
    [" 2026-03-01 .. 2026-03-15 ", "2026-03-01..2026-03-15"],
    ["2026-03-01/2026-03-15", "2026-03-01..2026-03-15"],
    ["2026-03-01 - 2026-03-15", "2026-03-01..2026-03-15"],
    ["between 2026-03-01 and 2026-03-15", "2026-03-01..2026-03-15"],
    ["2025-11..2026-02", "2025-11-01..2026-02-28"],
    ["2024 to 2025", "2024-01-01..2025-12-31"],
    ["from Q3 2025 to Q1 2026", "2025-07-01..2026-03-31"],
    ["March 2026", "2026-03-01..2026-03-31"],
    ["2026 sept", "2026-09-01..2026-09-30"],
    ["H1 2025", "2025-01-01..2025-06-30"],
    ["2025-W01", "2024-12-30..2025-01-05"],
    ["2026-W47", "2026-11-16..2026-11-21"],
    ["since March 2026", "2026-03-01..2026-11-21"],
    ["2026-11-01..2026-11-30", "2026-11-01..2026-11-21"],
    ["2026-10..2026-12", "2026-10-01..2026-11-21"],
    ["H2 2026", "2026-07-01..2026-11-21"],
    ["2026-12-01..2026-12-31", "2026-12-01..2026-12-31"],
    ["trailing 12 months", "2025-11-01..2026-10-31"],
    ["current month", "2026-11-01..2026-11-21"],
  ])("%s is %s", (text, expected) => {
    expect(read(text)).toBe(expected);
  });

  it.each([
    "",
    "soon",
    "2026-13",
    "2026-02-30",
    "2026-Q5",
    "last_x_days",
    "last_0_days",
    "2026-03-15..2026-03-01",
    "1800",
    "1990..2026",
    "0001-01-01..2026-01-01",
    "last_9999_days",
    "2025-W53",
    "2025-H3",
    "Mai 2026",
    "2026-03..soon",
  ])('"%s" is refused with a hint', (text) => {
    const attempt = () => parsePeriod(text, NOW);
    expect(attempt).toThrow(ToolError);
    expect(attempt).toThrow(expect.objectContaining({ code: "invalid_input" }));
  });

  it("on the first day of a year, last month lies in the year before", () => {
    expect(read("last_month", new Date("2026-01-01T00:00:00Z"))).toBe("2025-12-01..2025-12-31");
    expect(read("last_quarter", new Date("2026-01-01T00:00:00Z"))).toBe("2025-10-01..2025-12-31");
  });

  it("any text parses or fails with a hint", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (text) => {
        try {
          expect(isDay(parsePeriod(text, NOW).from)).toBe(true);
        } catch (failure) {
          expect(failure).toBeInstanceOf(ToolError);
        }
      }),
    );
  });
});

describe("the period before", () => {
  it.each([
    ["last_7_days", "2026-11-07..2026-11-13"],
    ["today", "2026-11-20"],
    ["last_week", "2026-11-02..2026-11-08"],
    ["this_week", "2026-11-09..2026-11-14"],
    ["last_12_months", "2024-11-01..2025-10-31"],
    ["last_2_weeks", "2026-10-19..2026-11-01"],
    ["last_month", "2026-09-01..2026-09-30"],
    ["this_month", "2026-10-01..2026-10-21"],
    ["this_quarter", "2026-07-01..2026-08-21"],
    ["2026-Q1", "2025-10-01..2025-12-31"],
    ["2024", "2023-01-01..2023-12-31"],
    ["2026-03", "2026-02-01..2026-02-28"],
    ["2026-03-11..2026-03-20", "2026-03-01..2026-03-10"],
    ["2026-01..2026-03", "2025-10-01..2025-12-31"],
    ["H2 2025", "2025-01-01..2025-06-30"],
    ["H2 2026", "2026-01-01..2026-05-21"],
    ["2026-10..2026-12", "2026-07-01..2026-08-21"],
    ["2026-11-01..2026-11-30", "2026-10-11..2026-10-31"],
  ])("of %s is %s", (text, expected) => {
    expect(formatPeriod(shiftBack(parsePeriod(text, NOW), "previous_period"))).toBe(expected);
  });

  it("of a running month longer than the one before ends with that month", () => {
    const running = parsePeriod("this_month", new Date("2026-03-30T12:00:00Z"));
    expect(formatPeriod(shiftBack(running, "previous_period"))).toBe("2026-02-01..2026-02-28");
  });

  it.each([
    ["2026-03", "2025-03-01..2025-03-31"],
    ["this_month", "2025-11-01..2025-11-21"],
    ["2024-02-29", "2023-02-28"],
    ["2024-02-28", "2023-02-28"],
    ["2024", "2023-01-01..2023-12-31"],
  ])("a year earlier of %s is %s", (text, expected) => {
    expect(formatPeriod(shiftBack(parsePeriod(text, NOW), "previous_year"))).toBe(expected);
  });

  it("is never empty, and ends where the period begins unless that is still running", () => {
    const moments = fc.date({
      min: new Date("2001-01-01"),
      max: new Date("2090-01-01"),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(fc.constantFrom(...PERIOD_WORDS), moments, (word, now) => {
        const period = parsePeriod(word, now);
        const previous = shiftBack(period, "previous_period");
        expect(countDays(previous.from, previous.to)).toBeGreaterThan(0);
        const yearBefore = shiftBack(period, "previous_year");
        expect(countDays(yearBefore.from, yearBefore.to)).toBeGreaterThan(0);
        if (period.toDate) expect(previous.to <= period.from).toBe(true);
        else expect(previous.to).toBe(period.from);
      }),
    );
  });
});

describe("buckets", () => {
  it("cover a period without gap or overlap, whatever the grain", () => {
    const days = fc.integer({ min: 0, max: 9_000 }).map((offset) => addDays("2001-01-01", offset));
    const grains = fc.constantFrom(...GRAINS.filter((grain) => grain !== "total" && grain !== "hour"));
    fc.assert(
      fc.property(days, fc.integer({ min: 1, max: 400 }), grains, (from, length, grain) => {
        const period = { from, to: addDays(from, length), unit: "day" as const, toDate: false };
        const buckets = listBuckets(period, grain, 1_000);
        const expected = new Set(Array.from({ length }, (_, index) => label(addDays(from, index), grain)));
        expect(buckets).toEqual([...expected]);
      }),
    );
  });

  it("of a month's end stay in their month", () => {
    expect(addMonths("2026-01-31", 1)).toBe("2026-02-28");
    expect(addMonths("2024-03-31", -1)).toBe("2024-02-29");
    expect(firstDayOf("2026-11-22", "week")).toBe("2026-11-16");
  });
});

function label(day: string, grain: string): string {
  if (grain === "week") return firstDayOf(day, "week");
  if (grain === "month") return day.slice(0, 7);
  if (grain === "year") return day.slice(0, 4);
  return grain === "quarter" ? `${day.slice(0, 4)}-Q${Math.ceil(Number(day.slice(5, 7)) / 3)}` : day;
}
