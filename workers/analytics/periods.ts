import { ToolError } from "../../shared/mcp/errors.ts";
import { addDays, addMonths, addYears, countDays, firstDayOf, isDay, toDay } from "./days.ts";

/** A span of whole UTC days: `from` belongs to it, `to` is the first day after it. Both `YYYY-MM-DD`. */
export interface Period {
  from: string;
  to: string;
  /** The calendar unit it is, or is the beginning of; decides what "the period before" means. */
  unit: "day" | "month" | "quarter" | "year";
  /** How many units it spans; `day` counts days. */
  length: number;
  /** True while the period is still running: `this_month` ends today, not at the end of the month. */
  toDate: boolean;
}

/** The words a period may be written in; one sentence for descriptions and for error messages. */
export const PERIOD_FORMS =
  "today, yesterday, last_7_days, last_30_days (any number of complete days up to yesterday), this_month, last_month, " +
  "this_quarter, last_quarter, this_year, last_year, 2026, 2026-Q1, 2026-03, 2026-03-05 or 2026-03-01..2026-03-15";

/** Words offered by completion. */
export const PERIOD_WORDS = [
  "today",
  "yesterday",
  "last_7_days",
  "last_30_days",
  "last_90_days",
  "this_month",
  "last_month",
  "this_quarter",
  "last_quarter",
  "this_year",
  "last_year",
] as const;

/** The longest period that is answered. */
export const MAX_DAYS = 366 * 25;

/** What a comparison may be made against, in words. */
export const BASELINES = ["previous_period", "previous_year"] as const;

/**
 * Reads a period as a person writes it: case, spaces and hyphens in words do not matter (`Last 30 days`).
 * `last_N_days` are complete days and end yesterday; `this_…` runs from its start to today.
 * Throws `invalid_input` with the possible forms.
 */
export function parsePeriod(text: string, now: Date): Period {
  const word = text
    .trim()
    .toLowerCase()
    .replace(/\s*\.\.\s*|\s+to\s+/, "..")
    .replace(/\s+/g, "_");
  const period = parseWord(word.replaceAll("-", "_"), toDay(now)) ?? parseDates(word.toUpperCase());
  if (period === undefined) {
    throw new ToolError("invalid_input", `"${text.slice(0, 60)}" is not a period.`, {
      suggestedAction: `Write one of: ${PERIOD_FORMS}.`,
    });
  }
  if (period.to <= period.from) {
    throw new ToolError("invalid_input", `The period "${text.slice(0, 60)}" ends before it begins.`, {
      suggestedAction: "Write the earlier day first, for example 2026-03-01..2026-03-15.",
    });
  }
  if (countDays(period.from, period.to) > MAX_DAYS) {
    throw new ToolError("invalid_input", `A period may span at most ${MAX_DAYS} days (25 years).`);
  }
  return period;
}

/**
 * The span that a period is compared with: as many units right before it, or the same dates a year earlier.
 * A running period is compared with the same number of days of the unit before, capped at that unit's end.
 */
export function shiftBack(period: Period, baseline: (typeof BASELINES)[number]): Period {
  if (baseline === "previous_year") {
    return { ...period, from: addYears(period.from, -1), to: shiftEnd(period, -12) };
  }
  if (period.unit === "day") {
    const days = countDays(period.from, period.to);
    return { ...period, from: addDays(period.from, -days), to: period.from };
  }
  const months = -period.length * MONTHS[period.unit];
  return { ...period, from: addMonths(period.from, months), to: shiftEnd(period, months) };
}

/** A period as people read it: `2026-03-01..2026-03-31`, both days included. */
export function formatPeriod(period: Period): string {
  const last = addDays(period.to, -1);
  return last === period.from ? last : `${period.from}..${last}`;
}

const MONTHS = { month: 1, quarter: 3, year: 12 } as const;

function shiftEnd(period: Period, months: number): string {
  const from = addMonths(period.from, months);
  if (!period.toDate) return addMonths(period.to, months);
  const end = addDays(from, countDays(period.from, period.to));
  const limit = period.unit === "day" ? end : addMonths(from, period.length * MONTHS[period.unit]);
  return end < limit ? end : limit;
}

function parseWord(word: string, today: string): Period | undefined {
  const lastDays = /^(?:last|past)_(\d{1,4})_days?$/.exec(word);
  if (lastDays) return spanDays(addDays(today, -Number(lastDays[1])), today);
  if (word === "today") return { ...spanDays(today, addDays(today, 1)), toDate: true };
  if (word === "yesterday") return spanDays(addDays(today, -1), today);
  if (word === "last_week")
    return spanDays(addDays(firstDayOf(today, "week"), -7), firstDayOf(today, "week"));
  if (word === "this_week") {
    return { ...spanDays(firstDayOf(today, "week"), addDays(today, 1)), toDate: true };
  }
  const unitWord = /^(this|last)_(month|quarter|year)$/.exec(word);
  if (!unitWord) return undefined;
  const unit = unitWord[2] as "month" | "quarter" | "year";
  const start = firstDayOf(today, unit);
  if (unitWord[1] === "this") {
    const to = addDays(today, 1);
    return { from: start, to, unit, length: 1, toDate: to < addMonths(start, MONTHS[unit]) };
  }
  return spanUnits(addMonths(start, -MONTHS[unit]), unit);
}

function parseDates(text: string): Period | undefined {
  const range = /^(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)$/.exec(text);
  if (range?.[1] && range[2]) {
    return isDay(range[1]) && isDay(range[2]) ? spanDays(range[1], addDays(range[2], 1)) : undefined;
  }
  const quarter = /^(\d{4})[-_]?Q([1-4])$/.exec(text.replace(/^(Q[1-4])[-_]?(\d{4})$/, "$2$1"));
  if (quarter?.[1]) {
    return startingAt(`${quarter[1]}-${String(Number(quarter[2]) * 3 - 2).padStart(2, "0")}-01`, "quarter");
  }
  if (/^\d{4}$/.test(text)) return startingAt(`${text}-01-01`, "year");
  if (/^\d{4}-\d\d$/.test(text)) return startingAt(`${text}-01`, "month");
  return isDay(text) ? spanDays(text, addDays(text, 1)) : undefined;
}

function startingAt(day: string, unit: "month" | "quarter" | "year"): Period | undefined {
  return isDay(day) ? spanUnits(day, unit) : undefined;
}

function spanUnits(from: string, unit: "month" | "quarter" | "year"): Period {
  return { from, to: addMonths(from, MONTHS[unit]), unit, length: 1, toDate: false };
}

function spanDays(from: string, to: string): Period {
  return { from, to, unit: "day", length: Math.max(0, countDays(from, to)), toDate: false };
}
