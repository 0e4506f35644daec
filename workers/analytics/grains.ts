import { addDays, addMonths, firstDayOf, toDay } from "./days.ts";
import type { Period } from "./periods.ts";
import { listLocalHours, localHourSql, wallClockSql, type ZoneSpan } from "./zones.ts";

/** Sizes of a time bucket. `total` is one bucket for the whole period. */
export const GRAINS = ["total", "hour", "day", "week", "month", "quarter", "year"] as const;

/** A size of a time bucket. */
export type Grain = (typeof GRAINS)[number];

/**
 * SQL for a row's bucket from its UTC day and its UTC timestamp; with a zone, the bucket of its local time.
 * Labels sort by time: `2026-03-05T14:00Z`, `2026-03-05`, the week's Monday, `2026-03`, `2026-Q1`, `2026`.
 */
export function bucketSql(grain: Grain, utcDay: string, moment: string, zone?: ZoneSpan): string {
  if (zone && grain === "hour") return localHourSql(zone, moment);
  const day = zone && grain !== "total" ? `substr(${wallClockSql(zone, moment)}, 1, 10)` : utcDay;
  switch (grain) {
    case "total":
      return "NULL";
    case "hour":
      return `substr(${moment}, 1, 13) || ':00Z'`;
    case "day":
      return day;
    case "week":
      return `date(${day}, '-6 days', 'weekday 1')`;
    case "month":
      return `substr(${day}, 1, 7)`;
    case "quarter":
      return `substr(${day}, 1, 4) || '-Q' || ((substr(${day}, 6, 2) + 2) / 3)`;
    case "year":
      return `substr(${day}, 1, 4)`;
  }
}

/**
 * Every bucket of a period in order, with the same labels as {@link bucketSql}; at most `limit` + 1 of them.
 */
export function listBuckets(period: Period, grain: Grain, limit: number, zone?: ZoneSpan): string[] {
  if (zone && grain === "hour") return listLocalHours(zone, limit);
  const buckets: string[] = [];
  if (grain === "total") return buckets;
  const unit = grain === "hour" || grain === "day" ? undefined : grain;
  let day = unit === undefined ? period.from : firstDayOf(period.from, unit);
  while (day < period.to && buckets.length <= limit) {
    if (grain === "hour") {
      for (let hour = 0; hour < 24; hour++) buckets.push(`${day}T${String(hour).padStart(2, "0")}:00Z`);
    } else {
      buckets.push(labelBucket(day, grain));
    }
    day = nextBucket(day, grain);
  }
  return buckets.slice(0, limit + 1);
}

/**
 * Incomplete buckets of a period, with the days they hold: cut off at either end of the period, or still
 * running. `now` is the time that the period was parsed with.
 */
export function listPartialBuckets(period: Period, grain: Grain, now: Date): Record<string, string> {
  if (grain === "total" || grain === "hour") return {};
  const today = toDay(now);
  const [first, last] = [period.from, addDays(period.to, -1)];
  const partial: Record<string, string> = {};
  for (const day of [first, last]) {
    const start = grain === "day" ? day : firstDayOf(day, grain);
    const end = nextBucket(start, grain);
    const from = start < first ? first : start;
    const to = end > period.to ? period.to : end;
    const isRunning = from <= today && today < end;
    if (from === start && to === end && !isRunning) continue;
    const held = addDays(to, -1);
    partial[labelBucket(start, grain)] =
      `${held === from ? from : `${from}..${held}`}${isRunning ? ", still running" : ""}`;
  }
  return partial;
}

/** SQL for the first day of a row's bucket; `undefined` for the whole period and for hours. */
export function bucketStartSql(grain: Grain, day: string): string | undefined {
  switch (grain) {
    case "day":
      return day;
    case "week":
      return `date(${day}, '-6 days', 'weekday 1')`;
    case "month":
      return `substr(${day}, 1, 7) || '-01'`;
    case "quarter":
      return `substr(${day}, 1, 4) || printf('-%02d-01', (substr(${day}, 6, 2) + 2) / 3 * 3 - 2)`;
    case "year":
      return `substr(${day}, 1, 4) || '-01-01'`;
    default:
      return undefined;
  }
}

/** The label of a day's bucket. `grain` is a day or longer. */
export function bucketOf(day: string, grain: Exclude<Grain, "total" | "hour">): string {
  return grain === "day" ? day : labelBucket(firstDayOf(day, grain), grain);
}

function labelBucket(day: string, grain: Grain): string {
  if (grain === "month") return day.slice(0, 7);
  if (grain === "year") return day.slice(0, 4);
  if (grain === "quarter") return `${day.slice(0, 4)}-Q${Math.ceil(Number(day.slice(5, 7)) / 3)}`;
  return day;
}

function nextBucket(day: string, grain: Grain): string {
  if (grain === "week") return addDays(day, 7);
  if (grain === "month") return addMonths(day, 1);
  if (grain === "quarter") return addMonths(day, 3);
  if (grain === "year") return addMonths(day, 12);
  return addDays(day, 1);
}
