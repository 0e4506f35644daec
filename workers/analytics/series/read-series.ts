import { ToolError } from "../../../shared/call/tool-error.ts";
import { describeCoverage, describeNothing, presentValue } from "../answer.ts";
import { addDays, addMonths, toDay } from "../days.ts";
import { type Grain, listBuckets } from "../grains.ts";
import { eventsBehind } from "../measures.ts";
import { factOf, measuresOf } from "../metrics.ts";
import type { Period } from "../periods.ts";
import type { Metric } from "../semantic-layer.ts";
import type { Filter } from "../store/base.ts";
import type { AnalyticsStore } from "../store.ts";

/** Maximum number of points in a series. */
const MAX_POINTS = 2_000;

/** Request for series. */
export interface SeriesRequest {
  metric: Metric;
  period: Period;
  grain: Grain;
  filters: readonly Filter[];
  /** Splits into the series of the largest `count` members of a dimension. */
  by?: { dimension: string; count: number } | undefined;
}

/** A metric over time, complete buckets only. */
export interface Series {
  /** Empty for the whole. */
  member: string;
  buckets: string[];
  /** In the metric's unit; `null` where the denominator is 0. */
  values: (number | null)[];
  /** Denominator of each value; empty if the metric is no ratio. */
  denominators: number[];
  /** Number of events behind each value; empty if unknown. */
  events: number[];
}

/**
 * Reads series of complete buckets: a running or partly covered bucket would look like a fall. Throws
 * `invalid_input` without data, `result_too_large` for more than 2,000 points.
 */
export async function readSeries(
  store: AnalyticsStore,
  request: SeriesRequest,
  now: Date,
): Promise<Series[]> {
  const { metric, period, grain, filters, by } = request;
  const fact = factOf(metric);
  const all = listBuckets(period, grain, MAX_POINTS);
  if (all.length > MAX_POINTS) {
    throw new ToolError("result_too_large", `This would be more than ${MAX_POINTS} points.`, {
      suggestedAction: "Use a coarser grain or a shorter period.",
    });
  }
  const coverage = await store.readCoverage(fact);
  const first = coverage?.first ?? "";
  const end = coverage ? endOfData(coverage.last, fact === "commerce", now) : "";
  const buckets = all.filter((bucket) => startOf(bucket, grain) >= first && endOf(bucket, grain) <= end);
  if (buckets.length === 0) {
    throw new ToolError("invalid_input", "There is no whole bucket of data in this period.", {
      suggestedAction: await describeCoverage(store, fact),
    });
  }
  const counted = eventsBehind(metric.numerator);
  const { rows } = await store.aggregate(
    {
      fact,
      measures: [...new Set([...measuresOf(metric), ...(counted ? [counted] : [])])],
      from: period.from,
      to: period.to,
      filters,
      dimensions: by ? [by.dimension] : [],
      grain,
    },
    { count: by?.count ?? 1, by: sizeOf(metric), ascending: false },
    MAX_POINTS * 12,
  );
  if (rows.length === 0 && filters.length > 0) {
    throw new ToolError("invalid_input", await describeNothing(store, fact, period, filters));
  }
  const members = Map.groupBy(
    rows.filter(({ other }) => !other),
    ({ members: names }) => names[0] ?? "",
  );
  if (!by && !members.has("")) members.set("", []);
  return [...members].map(([member, own]) => {
    const found = new Map(own.map(({ bucket, parts }) => [bucket, parts]));
    const { denominator } = metric;
    return {
      member,
      buckets,
      values: buckets.map((bucket) => presentValue(metric, found.get(bucket) ?? {})),
      denominators: denominator ? buckets.map((bucket) => found.get(bucket)?.[denominator] ?? 0) : [],
      events: counted ? buckets.map((bucket) => found.get(bucket)?.[counted] ?? 0) : [],
    };
  });
}

/**
 * Metric that ranks members by size: for a ratio its denominator, because a member with one visit can have
 * the highest ratio.
 */
function sizeOf({ denominator, ...metric }: Metric): Metric {
  return { ...metric, numerator: denominator ?? metric.numerator };
}

/** The buckets that follow the last of a series. */
export function nextBuckets(last: string, grain: Grain, count: number): string[] {
  const from = endOf(last, grain).slice(0, 10);
  const to = grain === "hour" ? addDays(from, Math.ceil(count / 24) + 1) : addMonths(from, (count + 1) * 12);
  const period: Period = { from, to, unit: "day", toDate: false };
  return listBuckets(period, grain, count + 48)
    .filter((bucket) => bucket > last)
    .slice(0, count);
}

/** The day after the last complete one; monthly data is complete to the end of its month. */
function endOfData(last: string, isDaily: boolean, now: Date): string {
  if (!isDaily) return addMonths(last, 1);
  const after = addDays(last, 1);
  const stamp = now.toISOString().slice(0, 13);
  return after <= toDay(now) ? after : stamp;
}

function startOf(bucket: string, grain: Grain): string {
  if (grain === "month") return `${bucket}-01`;
  if (grain === "year") return `${bucket}-01-01`;
  if (grain === "quarter")
    return `${bucket.slice(0, 4)}-${String(Number(bucket.slice(6)) * 3 - 2).padStart(2, "0")}-01`;
  return bucket;
}

/** The first moment after a bucket: a day, or an hour as `2026-03-05T14`. */
export function endOf(bucket: string, grain: Grain): string {
  const start = startOf(bucket, grain);
  if (grain === "hour") {
    const end = new Date(Date.parse(`${bucket.slice(0, 13)}:00:00Z`) + 3_600_000).toISOString();
    return end.slice(11, 13) === "00" ? end.slice(0, 10) : end.slice(0, 13);
  }
  if (grain === "day") return addDays(start, 1);
  if (grain === "week") return addDays(start, 7);
  return addMonths(start, grain === "month" ? 1 : grain === "quarter" ? 3 : 12);
}
