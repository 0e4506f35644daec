import { sum } from "d3-array";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { addDays, addMonths } from "../days.ts";
import type { Grain } from "../grains.ts";
import type { Period } from "../periods.ts";
import type { Metric } from "../semantic-layer.ts";
import type { Filter } from "../store/base.ts";
import type { AnalyticsStore } from "../store.ts";
import { cutsOf, stepsBefore } from "./cuts.ts";
import { type Band, type Finding, isThick, lookAt } from "./incidents.ts";
import { endOf, readSeries, type Series } from "./read-series.ts";
import { seasonOf } from "./seasons.ts";

/** Number of members per dimension to search, the largest first. */
export const MEMBERS = 10;
/** Maximum number of points in a run; a longer one is a new level. */
const LONGEST: Readonly<Partial<Record<Grain, number>>> = { hour: 12, day: 7 };
const LONGEST_RUN = 3;

/** Data to search for anomalies. */
export interface Reading {
  store: AnalyticsStore;
  metric: Metric;
  grain: Grain;
  period: Period;
  filters: readonly Filter[];
  by: string | undefined;
  now: Date;
}

/** One metric, whole or by the members of a dimension. */
export interface Look {
  metric: Metric;
  dimension: string | undefined;
  series: Series[];
}

/**
 * Reads the series of a query: of the dimension that it names, or of the whole, of every default dimension,
 * and of the steps before it.
 */
export async function readLooks({
  store,
  metric,
  grain,
  period,
  filters,
  by,
  now,
}: Reading): Promise<Look[]> {
  const read = async (one: Metric, dimension: string | undefined): Promise<Look> => ({
    metric: one,
    dimension,
    series: await readSeries(
      store,
      {
        metric: one,
        period: { ...period, from: lookBack(period, grain) },
        grain,
        filters,
        by: dimension === undefined ? undefined : { dimension, count: MEMBERS },
      },
      now,
    ),
  });
  if (by !== undefined) return [await read(metric, by)];
  const filtered = new Set(filters.map(({ dimension }) => dimension));
  const wanted = [metric, ...stepsBefore(metric)].flatMap((one) => [
    { one, cut: undefined },
    ...cutsOf(one, grain)
      .filter((cut) => !filtered.has(cut))
      .map((cut) => ({ one, cut })),
  ]);
  return Promise.all(wanted.map(({ one, cut }) => read(one, cut)));
}

/** Anomalies in all series. Throws `invalid_input` where there are too few points for a usual range. */
export function lookEverywhere(
  looks: readonly Look[],
  metric: Metric,
  grain: Grain,
  limit: number,
  period: Period,
) {
  const [first] = looks;
  const isAsked = (bucket: string) => endOf(bucket, grain) > period.from;
  const longest = LONGEST[grain] ?? LONGEST_RUN;
  const asked: { band: Band; checked: number }[] = [];
  const findings: Finding[] = [];
  let cuts = 0;
  for (const look of looks) {
    const isFirst = look === first;
    // Keeps all series that the caller requested, and the large ones of the default dimensions.
    const kept = look.series.filter((one) => isFirst || isThick(one));
    const others = looks.filter(
      ({ metric: one, dimension }) => one === look.metric && dimension !== undefined,
    );
    const series =
      look.dimension === undefined
        ? 1
        : others.reduce((sum, other) => sum + other.series.filter(isThick).length, 0);
    for (const one of kept) {
      const season = seasonOf(grain, one.values.length, 3);
      const seen = lookAt(look.metric, one, { season, limit, longest, series, isAsked });
      if (isFirst && !seen) {
        throw new ToolError(
          "invalid_input",
          `There are only ${one.values.length} whole points, too few to know what is usual.`,
          { suggestedAction: "Use a finer grain or a longer period." },
        );
      }
      if (isFirst && seen) asked.push(seen);
      else cuts++;
      const rate = look.metric === metric ? 1 : rateOf(metric, first?.series[0], one, looks, look.metric);
      for (const finding of seen?.findings ?? []) {
        const place = look.dimension === undefined ? {} : { dimension: look.dimension };
        findings.push({ ...finding, ...place, cost: Number((finding.cost * rate).toFixed(2)) });
      }
    }
  }
  return { asked, findings, cuts };
}

/** Value of one unit of a step in the metric's cost unit: an order in revenue, a cart in orders. */
function rateOf(
  metric: Metric,
  asked: Series | undefined,
  one: Series,
  looks: readonly Look[],
  step: Metric,
): number {
  const whole = looks.find((look) => look.metric === step && look.dimension === undefined)?.series[0] ?? one;
  const total = metric.denominator === undefined ? sum(asked?.values ?? []) : sum(asked?.events ?? []);
  return total / (sum(whole.events) || 1);
}

/** Start of the history before the period, so that its first points have a baseline. */
function lookBack(period: Period, grain: Grain): string {
  if (grain === "hour") return addDays(period.from, -14);
  if (grain === "day") return addDays(period.from, -56);
  if (grain === "week") return addDays(period.from, -26 * 7);
  return addMonths(period.from, grain === "month" ? -36 : -60);
}
