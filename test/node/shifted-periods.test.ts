import { describe, expect, it } from "vitest";
import { addDays, addMonths, countDays, firstDayOf } from "../../workers/analytics/days.ts";
import {
  describeRunning,
  formatPeriod,
  PERIOD_WORDS,
  type Period,
  parsePeriod,
  shiftBack,
} from "../../workers/analytics/periods.ts";

const at = (day: string) => new Date(`${day}T10:00:00Z`);
const yearBefore = (text: string, day: string) =>
  formatPeriod(shiftBack(parsePeriod(text, at(day)), "previous_year"));
const before = (text: string, day: string) =>
  formatPeriod(shiftBack(parsePeriod(text, at(day)), "previous_period"));

/** Every day of nine years, three of them leap years. */
const DAYS = Array.from({ length: countDays("2024-01-01", "2033-01-01") }, (_, index) =>
  addDays("2024-01-01", index),
);
const RUNNING = ["today", "this_week", "this_month", "this_quarter", "this_year", "ytd", "qtd", "mtd"];
const WORDS = [
  ...new Set([
    ...PERIOD_WORDS,
    ...RUNNING,
    "yesterday",
    "last_week",
    "last_2_weeks",
    "last_12_months",
    "last_4_quarters",
  ]),
];

/** The same date a year earlier, by the calendar; 29 February has none. */
function sameDateYearBefore(day: string): string {
  return `${Number(day.slice(0, 4)) - 1}${day.slice(4)}`;
}

const isWholeMonths = ({ unit, toDate }: Period) => unit !== "day" && unit !== "week" && !toDate;

describe("a running year against the year before", () => {
  it.each([
    ["ytd", "2028-03-15", "2027-01-01..2027-03-15"],
    ["this_year", "2024-11-29", "2023-01-01..2023-11-29"],
    ["ytd", "2025-03-15", "2024-01-01..2024-03-15"],
    ["this_year", "2025-12-30", "2024-01-01..2024-12-30"],
    ["2028", "2028-10-01", "2027-01-01..2027-10-01"],
    ["this_quarter", "2028-03-15", "2027-01-01..2027-03-15"],
    ["this_quarter", "2025-03-30", "2024-01-01..2024-03-30"],
    ["2028-Q1", "2028-03-01", "2027-01-01..2027-03-01"],
    ["this_month", "2028-02-29", "2027-02-01..2027-02-28"],
    ["mtd", "2025-02-28", "2024-02-01..2024-02-29"],
    ["qtd", "2028-02-29", "2027-01-01..2027-02-28"],
    ["ytd", "2028-02-29", "2027-01-01..2027-02-28"],
    ["since 2028-01-01", "2028-06-15", "2027-01-01..2027-06-15"],
    ["2028-01-01..2028-12-31", "2028-06-15", "2027-01-01..2027-06-15"],
    ["2028-02-29..2028-03-05", "2028-06-15", "2027-03-01..2027-03-05"],
    ["2028-02-29", "2028-06-15", "2027-02-28"],
  ])("%s on %s is compared with %s", (text, day, expected) => {
    expect(yearBefore(text, day)).toBe(expected);
  });
});

describe("a running quarter against the one before", () => {
  it.each([
    ["this_quarter", "2028-05-31", "2028-01-01..2028-02-29"],
    ["this_quarter", "2027-06-15", "2027-01-01..2027-03-15"],
    ["this_quarter", "2028-06-15", "2028-01-01..2028-03-15"],
    ["this_year", "2029-03-15", "2028-01-01..2028-03-15"],
    ["this_month", "2028-03-30", "2028-02-01..2028-02-29"],
  ])("%s on %s is compared with %s", (text, day, expected) => {
    expect(before(text, day)).toBe(expected);
  });
});

/** The days of {@link DAYS} that violate a condition; one assertion for thousands of days. */
function breaches(holds: (day: string) => boolean): string[] {
  return DAYS.filter((day) => !holds(day));
}

describe.each(WORDS)("%s on every day of nine years", (word) => {
  it("has the same calendar dates a year earlier", () => {
    const isSame = (day: string) => {
      const period = parsePeriod(word, at(day));
      const earlier = shiftBack(period, "previous_year");
      const from = sameDateYearBefore(period.from);
      if (isWholeMonths(period)) return earlier.from === from && earlier.to === sameDateYearBefore(period.to);
      const [last, lastEarlier] = [addDays(period.to, -1), addDays(earlier.to, -1)];
      const begins = period.from.endsWith("-02-29")
        ? /-02-28$|-03-01$/.test(earlier.from)
        : earlier.from === from;
      const ends = last.endsWith("-02-29")
        ? lastEarlier.endsWith("-02-28")
        : lastEarlier === sameDateYearBefore(last);
      return begins && ends && earlier.from <= lastEarlier;
    };
    expect(breaches(isSame)).toEqual([]);
  });

  it("has no gap before it and no overlap", () => {
    const fits = (day: string) => {
      const period = parsePeriod(word, at(day));
      const earlier = shiftBack(period, "previous_period");
      if (earlier.to <= earlier.from) return false;
      if (!period.toDate) return earlier.to === period.from;
      // A running period begins with the unit before and ends on its own date there, or with that unit.
      if (earlier.to > period.from) return false;
      if (period.unit === "day" || period.unit === "week") return true;
      const months = { month: 1, quarter: 3, year: 12 }[period.unit];
      const [last, lastEarlier] = [addDays(period.to, -1), addDays(earlier.to, -1)];
      const isSameDate = lastEarlier.slice(8) === last.slice(8);
      return earlier.from === addMonths(period.from, -months) && (isSameDate || earlier.to.endsWith("-01"));
    };
    expect(breaches(fits)).toEqual([]);
  });

  it("is described as running exactly when today is part of it", () => {
    const isSaid = (day: string) => {
      const period = parsePeriod(word, at(day));
      const said = describeRunning(period, at(day));
      return (said !== undefined) === (period.from <= day && day < period.to);
    };
    expect(breaches(isSaid)).toEqual([]);
  });
});

describe("days a year earlier", () => {
  it("follow one another without overlap, and only 29 February is omitted", () => {
    const later = at("2034-01-01");
    const follows = (day: string) => {
      const next = addDays(day, 1);
      const until = shiftBack(parsePeriod(`${addDays(day, -40)}..${day}`, later), "previous_year");
      const since = shiftBack(parsePeriod(`${next}..${addDays(next, 40)}`, later), "previous_year");
      const gap = countDays(until.to, since.from);
      return gap === 0 || (gap === 1 && until.to.endsWith("-02-29"));
    };
    expect(breaches(follows)).toEqual([]);
  });
});

describe("a running period", () => {
  it.each([
    [
      "this_month",
      "2026-11-21",
      "2026-11-01..2026-11-21 is still running: 21 of 30 days so far, today in part.",
    ],
    [
      "this_week",
      "2026-11-21",
      "2026-11-16..2026-11-21 is still running: 6 of 7 days so far, today in part.",
    ],
    [
      "this_quarter",
      "2026-11-21",
      "2026-10-01..2026-11-21 is still running: 52 of 92 days so far, today in part.",
    ],
    [
      "H2 2026",
      "2026-11-21",
      "2026-07-01..2026-11-21 is still running: 144 of 184 days so far, today in part.",
    ],
    ["today", "2026-11-21", "2026-11-21 is still running: its figures are those so far."],
    ["this_month", "2026-11-30", "2026-11-01..2026-11-30 is still running: 30 days so far, today in part."],
    ["2026-12", "2026-11-21", "2026-12-01..2026-12-31 lies in the future."],
  ])("%s on %s is described", (text, day, expected) => {
    expect(describeRunning(parsePeriod(text, at(day)), at(day))).toBe(expected);
  });

  it("begins on the first day of its unit", () => {
    for (const unit of ["week", "month", "quarter", "year"] as const) {
      expect(parsePeriod(`this_${unit}`, at("2028-02-29")).from).toBe(firstDayOf("2028-02-29", unit));
    }
  });
});
