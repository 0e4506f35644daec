import { ToolError } from "../../shared/call/tool-error.ts";
import { addDays, addMonths, addYears, countDays, firstDayOf, isDay, toDay } from "./days.ts";

/** A span of whole UTC days, from `from` (included) to `to` (excluded). Both `YYYY-MM-DD`. */
export interface Period {
  from: string;
  to: string;
  /** Calendar unit of the period; decides what "the period before" means. */
  unit: "day" | "week" | "month" | "quarter" | "year";
  /** Number of units; 1 if undefined. */
  units?: number;
  /** True while the unit is still running: `this_month` ends today, not at the end of the month. */
  toDate: boolean;
}

/** Accepted forms of a period; one sentence for descriptions and for error messages. */
export const PERIOD_FORMS =
  "today, yesterday, last_30_days, last_12_months (complete ones, any number, also weeks and quarters), this_month, " +
  "last_quarter, ytd, 2026, 2026-Q1, 2026-03, 2026-03-05 or 2026-03-01..2026-03-15";

/** Values offered by completion. */
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

/** Maximum length of a period in days. */
const MAX_DAYS = 366 * 25;

/** Accepted baselines of a comparison. */
export const BASELINES = ["previous_period", "previous_year"] as const;

/**
 * Parses a period; case, spaces and hyphens in words do not matter (`Last 30 days`). `last_N_days` are
 * complete days and end yesterday; `this_…` runs from its start to today. Throws `invalid_input` with the
 * accepted forms.
 */
export function parsePeriod(text: string, now: Date): Period {
  const word = text
    .trim()
    .toLowerCase()
    .replace(/\s*\.\.\s*|(?<=\d)\s+to\s+(?=\d)/, "..")
    .replace(/\s+/g, "_");
  const usual = word
    .replaceAll("-", "_")
    .replace(/^(?:previous|prior|trailing|rolling|latest|past)_/, "last_")
    .replace(/^current_/, "this_");
  const period = parseWord(usual, toDay(now)) ?? parseDates(word.toUpperCase(), toDay(now));
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
 * The baseline of a period: as many units right before it, or the same dates a year earlier. A running period
 * ends on the same date in the unit before, or at the end of that unit where the date does not exist.
 */
export function shiftBack(period: Period, baseline: (typeof BASELINES)[number]): Period {
  if (baseline === "previous_year") return shiftYear(period);
  const { unit } = period;
  if (unit === "day" || unit === "week") {
    // Weeks shift by whole weeks, so that a running week is compared with the same weekdays.
    const days = unit === "week" ? 7 * (period.units ?? 1) : countDays(period.from, period.to);
    return { ...period, from: addDays(period.from, -days), to: addDays(period.to, -days) };
  }
  return shiftMonths(period, -MONTHS[unit] * (period.units ?? 1));
}

/** A period as text: `2026-03-01..2026-03-31`, both days included. */
export function formatPeriod(period: Period): string {
  const last = lastDayOf(period);
  return last === period.from ? last : `${period.from}..${last}`;
}

/**
 * Note for a period that is still running, with its days so far and the days of its whole unit; `undefined`
 * for a complete one. Today counts as incomplete. `now` is the time that the period was parsed with.
 */
export function describeRunning(period: Period, now: Date): string | undefined {
  const today = toDay(now);
  if (period.to <= today) return undefined;
  if (period.from > today) return `${formatPeriod(period)} lies in the future.`;
  const days = countDays(period.from, addDays(today, 1));
  const whole = countDays(period.from, endOfUnit(period));
  if (whole === 1) return `${today} is still running: its figures are those so far.`;
  const of = whole > days ? ` of ${whole}` : "";
  return `${formatPeriod(period)} is still running: ${days}${of} days so far, today in part.`;
}

/** Note for two compared periods of different lengths, unless their calendar units explain the difference. */
export function describeLengths(period: Period, baseline: Period): string | undefined {
  const [days, others] = [period, baseline].map(({ from, to }) => countDays(from, to));
  const areWhole = ![period, baseline].some(({ unit, toDate }) => unit === "day" || toDate);
  const areAlike = period.unit === baseline.unit && (period.units ?? 1) === (baseline.units ?? 1);
  if (days === others || (areWhole && areAlike)) return undefined;
  return `The periods differ in length: ${days} days against ${others}.`;
}

/** The day after the last whole unit that a running period begins. */
function endOfUnit({ from, to, unit, units = 1, toDate }: Period): string {
  if (!toDate || unit === "day") return to;
  return unit === "week" ? addDays(from, 7 * units) : addMonths(from, MONTHS[unit] * units);
}

const MONTHS = { month: 1, quarter: 3, year: 12 } as const;

function shiftYear(period: Period): Period {
  const { unit } = period;
  if (unit !== "day" && unit !== "week") return shiftMonths(period, -12);
  const to = addDays(addYears(lastDayOf(period), -1), 1);
  const from = addYears(period.from, -1);
  // 29 February has no counterpart: a span that begins on it moves to 1 March, the single day to 28 February.
  const isLeapDay = period.from.endsWith("-02-29") && countDays(period.from, period.to) > 1;
  return { ...period, from: isLeapDay ? addDays(from, 1) : from, to };
}

/**
 * Shifts a period of whole months. A running one shifts its last day: counting days would differ over 29
 * February.
 */
function shiftMonths(period: Period, months: number): Period {
  const from = addMonths(period.from, months);
  if (!period.toDate) return { ...period, from, to: addMonths(period.to, months) };
  return { ...period, from, to: addDays(addMonths(lastDayOf(period), months), 1) };
}

function lastDayOf({ to }: Period): string {
  return addDays(to, -1);
}

function parseWord(word: string, today: string): Period | undefined {
  const tomorrow = addDays(today, 1);
  const lastDays = /^last_(\d{1,4})_days?$/.exec(word);
  if (lastDays) return spanDays(addDays(today, -Number(lastDays[1])), today);
  const [, count, units] = /^last_(\d{1,3})_(week|month|quarter|year)s?$/.exec(word) ?? [];
  if (count && units && Number(count) > 0) return spanUnits(Number(count), units as Period["unit"], today);
  const running = /^(?:(week|month|quarter|year)_to_date|([wmqy])td)$/.exec(word);
  if (running) return parseWord(`this_${running[1] ?? TO_DATE[running[2] ?? ""]}`, today);
  if (word === "today") return { ...spanDays(today, tomorrow), toDate: true };
  if (word === "yesterday") return spanDays(addDays(today, -1), today);
  const monday = firstDayOf(today, "week");
  if (/^last_week$/.test(word)) return { ...spanDays(addDays(monday, -7), monday), unit: "week" };
  if (word === "this_week") return { ...spanDays(monday, tomorrow), unit: "week", toDate: true };
  const [, which, unit] = /^(this|last)_(month|quarter|year)$/.exec(word) ?? [];
  if (unit !== "month" && unit !== "quarter" && unit !== "year") return undefined;
  const start = firstDayOf(today, unit);
  return spanUnit(which === "this" ? start : addMonths(start, -MONTHS[unit]), unit, today);
}

const TO_DATE: Readonly<Record<string, string>> = { w: "week", m: "month", q: "quarter", y: "year" };

/** Complete calendar units up to the running one. */
function spanUnits(units: number, unit: Period["unit"], today: string): Period {
  const to = firstDayOf(today, unit === "day" ? "week" : unit);
  const from =
    unit === "day" || unit === "week" ? addDays(to, -7 * units) : addMonths(to, -MONTHS[unit] * units);
  return { from, to, unit, units, toDate: false };
}

/** Two dates or calendar units with their separator. */
const RANGE = /^(?:FROM_|BETWEEN_)?(.+?)(?:\.\.|\/|_?–_?|_(?:TO|UNTIL|AND|-)_)(.+)$/;

function parseDates(text: string, today: string): Period | undefined {
  const [, since] = /^SINCE_(.+)$/.exec(text) ?? [];
  if (since !== undefined) {
    const start = parseNamed(since, today);
    return start && spanUntil(start.from, addDays(today, 1), today);
  }
  const [, first, last] = RANGE.exec(text) ?? [];
  if (first === undefined || last === undefined) return parseNamed(text, today);
  const [start, end] = [parseNamed(first, today), parseNamed(last, today)];
  return start && end && spanBetween(start, end, today);
}

/**
 * From the start of one period to the end of another; two units of the same kind stay that unit, even if the
 * last one is running.
 */
function spanBetween(start: Period, end: Period, today: string): Period {
  const { unit } = start;
  if (unit !== end.unit || unit === "day" || unit === "week") return spanUntil(start.from, end.to, today);
  const monthOf = (day: string) => Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7));
  const units = (monthOf(end.from) - monthOf(start.from)) / MONTHS[unit] + 1;
  const { to, toDate } = end.toDate ? end : spanUntil(start.from, end.to, today);
  return { from: start.from, to, unit, units, toDate };
}

/** One day, week, month, quarter, half or year by its name, in upper case. */
function parseNamed(text: string, today: string): Period | undefined {
  const [, year, part] =
    /^(\d{4})(?:[-_]?([QHW]\d\d?|[A-Z]{3,9}|\d\d))?$/.exec(
      text.replace(/^([QH]\d|[A-Z]{3,9})[-_]?(\d{4})$/, "$2_$1"),
    ) ?? [];
  if (year === undefined) return isDay(text) ? spanDays(text, addDays(text, 1)) : undefined;
  if (part === undefined) return spanUnit(`${year}-01-01`, "year", today);
  const [kind, number] = [part.charAt(0), Number(part.slice(1))];
  if (/^Q[1-4]$/.test(part)) return spanUnit(firstOfMonth(year, number * 3 - 2), "quarter", today);
  if (/^H[12]$/.test(part)) {
    const quarters = [number * 2 - 1, number * 2].map((quarter) => parseNamed(`${year}Q${quarter}`, today));
    const [start, end] = quarters;
    return start && end && spanBetween(start, end, today);
  }
  if (kind === "W" && part.length <= 3 && number > 0) return spanWeek(year, number, today);
  const month = /^\d\d$/.test(part) ? Number(part) : nameMonth(part);
  return month === undefined ? undefined : spanUnit(firstOfMonth(year, month), "month", today);
}

function firstOfMonth(year: string, month: number): string {
  return `${year}-${String(month).padStart(2, "0")}-01`;
}

const MONTH_NAMES = [
  "JANUARY",
  "FEBRUARY",
  "MARCH",
  "APRIL",
  "MAY",
  "JUNE",
  "JULY",
  "AUGUST",
  "SEPTEMBER",
  "OCTOBER",
  "NOVEMBER",
  "DECEMBER",
];

/** A month's number from its English name or its first three or four letters. */
function nameMonth(text: string): number | undefined {
  const found = MONTH_NAMES.findIndex(
    (name) => name === text || (text.length <= 4 && text.length >= 3 && name.startsWith(text)),
  );
  return found === -1 ? undefined : found + 1;
}

/** An ISO 8601 week by its number (week 1 contains 4 January). */
function spanWeek(year: string, number: number, today: string): Period | undefined {
  if (!isDay(`${year}-01-04`)) return undefined;
  const from = addDays(firstDayOf(`${year}-01-04`, "week"), 7 * (number - 1));
  if (addDays(from, 3).slice(0, 4) !== year) return undefined;
  const [end, tomorrow] = [addDays(from, 7), addDays(today, 1)];
  const toDate = from <= today && tomorrow < end;
  return { from, to: toDate ? tomorrow : end, unit: "week", toDate };
}

/** A calendar unit from its first day. A running one ends today. */
function spanUnit(from: string, unit: keyof typeof MONTHS, today: string): Period | undefined {
  if (!isDay(from)) return undefined;
  const end = addMonths(from, MONTHS[unit]);
  const tomorrow = addDays(today, 1);
  const toDate = from <= today && tomorrow < end;
  return { from, to: toDate ? tomorrow : end, unit, toDate };
}

/** Days up to a named one. A running span ends today, as a running unit does. */
function spanUntil(from: string, to: string, today: string): Period {
  const tomorrow = addDays(today, 1);
  return from <= today && tomorrow < to ? { ...spanDays(from, tomorrow), toDate: true } : spanDays(from, to);
}

function spanDays(from: string, to: string): Period {
  return { from, to, unit: "day", toDate: false };
}
