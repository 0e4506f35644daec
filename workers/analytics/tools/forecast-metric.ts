import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { presentSource, withNotes } from "../answer.ts";
import { drawPicture } from "../charts/draw-picture.ts";
import { chartView } from "../charts/view.ts";
import { addDays } from "../days.ts";
import {
  bucketField,
  chartField,
  countField,
  metricField,
  notesShape,
  periodField,
  periodShape,
  rowsShape,
  selectionFields,
} from "../fields.ts";
import { bucketOf, type Grain } from "../grains.ts";
import { MEASURES } from "../measures.ts";
import { decimalsOf, factOf } from "../metrics.ts";
import { parsePeriod } from "../periods.ts";
import { QueryResolver } from "../query-resolver.ts";
import { backTest } from "../series/back-test.ts";
import { type BucketForecast, forecastDays } from "../series/forecast-days.ts";
import { deviateSum, fit, project, type Step } from "../series/holt-winters.ts";
import { endOf, nextBuckets, readSeries } from "../series/read-series.ts";
import { seasonOf } from "../series/seasons.ts";
import type { AnalyticsStore } from "../store.ts";

/** Three years, so that they contain two whole years for the yearly season. */
const DAYS_OF_HISTORY = "last_1095_days";
/** Maximum days forecast one by one; beyond that, buckets are forecast. */
const MOST_DAYS = 800;
const DAYS_OF: Readonly<Record<Exclude<Grain, "total">, number>> = {
  ...{ hour: 1, day: 1, week: 7 },
  ...{ month: 31, quarter: 92, year: 366 },
};
/** Horizon in days from which the time of the year matters. */
const SEASON_MATTERS = 45;
/** Significant digits of a forecast from too little history. */
const ROUGH_DIGITS = 2;

/** Standard deviations of a normal distribution's middle 95 %. */
const WIDTH = 1.96;
const LEAST_POINTS = 12;
/** Eight weeks. */
const LEAST_DAYS = 56;
const FREE_PARAMETERS = 4;

/** History and length of a forecast where the caller names none. */
const DEFAULTS: Readonly<Record<Exclude<Grain, "total">, { history: string; horizon: number }>> = {
  hour: { history: "last_30_days", horizon: 48 },
  day: { history: DAYS_OF_HISTORY, horizon: 30 },
  week: { history: "last_104_weeks", horizon: 8 },
  month: { history: "last_60_months", horizon: 6 },
  quarter: { history: "last_40_quarters", horizon: 4 },
  year: { history: "last_20_years", horizon: 2 },
};

/** Forecasts a metric. */
export const forecastMetric = defineTool({
  name: "analytics_forecast",
  title: "Forecast",
  effect: "read",
  costly: true,
  scope: "analytics:read",
  view: chartView,
  description:
    "Forecasts a metric with a 95 % interval, and shows how wrong the method was on the past. The running week, month … counts with its days so far. Say the error with the figure.",
  input: z.object({
    metric: metricField,
    grain: bucketField.describe("Length of a step"),
    horizon: countField(366).optional().describe("Buckets ahead; default 30 days, 6 months"),
    period: periodField
      .optional()
      .describe("History, as in analytics_query; default 3 years of days, 5 years of months"),
    ...selectionFields,
    chart: chartField,
  }),
  inherits: ["region", "segment"],
  output: z.object({
    metric: z.string(),
    unit: z.string(),
    history: periodShape,
    grain: z.string(),
    columns: z.array(z.string()),
    rows: rowsShape,
    recent: rowsShape.optional().describe("Measured before, for the picture"),
    total: z.number().optional().describe("Of all buckets ahead"),
    total_range: z.array(z.number()).optional().describe("Its 95 % interval: from, to"),
    running: z
      .object({ bucket: z.string(), measured: z.number(), days: z.number().int() })
      .optional()
      .describe("What the first bucket already has"),
    confidence: z.enum(["tested", "rough"]).describe("rough: too little history, figures have two digits"),
    back_test: z
      .object({
        points: z.number().int(),
        mase: z.number().nullable().describe("Below 1: better than repeating the last season"),
        mape_percent: z.number().nullable().describe("Mean error"),
        inside_interval_percent: z.number(),
      })
      .optional(),
    method: z.string(),
    source: z.string().optional(),
    notes: notesShape,
  }),
  overflow: "rows",
  content: drawPicture,
  async run(input, { store, now, context }: ToolContext<AnalyticsStore>) {
    const question = new QueryResolver(store);
    const metric = question.metric(input.metric);
    const fact = factOf(metric);
    const grain = question.grain(input.grain, fact) as Exclude<Grain, "total">;
    const horizon = input.horizon ?? DEFAULTS[grain].horizon;
    const filters = await question.filters(fact, input, input.filters);
    const isSum = metric.denominator === undefined && MEASURES[metric.numerator].adds === "sum";
    const byDays =
      fact === "commerce" &&
      (grain === "day" || (isSum && grain !== "hour")) &&
      horizon * DAYS_OF[grain] <= MOST_DAYS;
    const history = input.period ?? (byDays ? DAYS_OF_HISTORY : DEFAULTS[grain].history);
    const period = parsePeriod(history, now);
    const read = byDays ? "day" : grain;
    const [series] = await readSeries(store, { metric, period, grain: read, filters }, now);
    const values = fillGaps(series?.values ?? [], question.notes);
    const least = byDays ? LEAST_DAYS : LEAST_POINTS;
    if (!series || values.length < least) {
      const what = byDays ? "days" : "points";
      throw new ToolError(
        "invalid_input",
        `There are only ${values.length} whole ${what}; a forecast needs ${least}.`,
        { suggestedAction: "Use a finer grain or a longer history in period." },
      );
    }
    const buckets = series.buckets.slice(-values.length);
    const forecast = byDays
      ? forecastDays(values, buckets[0] ?? "", grain, horizon, WIDTH)
      : forecastBuckets(values, buckets, grain, horizon);
    const { rows, total, test, running } = forecast;
    const isRough = addWarnings(
      question.notes,
      forecast,
      values.length,
      horizon * (byDays ? DAYS_OF[grain] : 1),
    );
    const isNeverNegative = values.every((value) => value >= 0);
    const most = metric.unit === "percent" && values.every((value) => value <= 100) ? 100 : Infinity;
    const show = (value: number, floor = 0) =>
      present(isNeverNegative ? Math.min(most, Math.max(floor, value)) : value, decimalsOf(metric), isRough);
    // Few points estimate their scatter poorly (Student's t).
    const width = widenFor(values.length - FREE_PARAMETERS);
    const range = ({ value, deviation }: Step, floor = 0) => [
      show(value - width * deviation, floor),
      show(value + width * deviation, floor),
    ];
    context.remember({ type: "metric", id: metric.name, label: metric.title });
    const shown = rows.map((row, index) => show(row.value, index === 0 ? (running?.measured ?? 0) : 0));
    const whole = present(sum(shown), decimalsOf(metric), isRough);
    const floorOf = (index: number) => (index === 0 ? (running?.measured ?? 0) : 0);
    return withNotes(
      {
        metric: metric.name,
        unit: metric.unit,
        ...presentSource(fact),
        history: `${buckets[0]}..${buckets.at(-1)}`,
        grain,
        columns: [grain, "forecast", "low", "high"],
        rows: rows.map((row, index) => [
          row.bucket,
          show(row.value, floorOf(index)),
          ...range(row, floorOf(index)),
        ]),
        ...(input.chart !== "none" && { recent: listRecent(buckets, values, grain, horizon, byDays) }),
        ...(isSum && { total: whole, total_range: range(total, floorOf(0)) }),
        ...(running && {
          running: { ...running, measured: Number(running.measured.toFixed(decimalsOf(metric))) },
        }),
        confidence: isRough ? ("rough" as const) : ("tested" as const),
        ...(test && {
          back_test: {
            points: test.points,
            mase: roundOrNull(test.mase),
            mape_percent: roundOrNull(test.mape),
            inside_interval_percent: Math.round(test.coverage),
          },
        }),
        method:
          `Holt-Winters${byDays ? " by day" : ""}, additive, damped trend, ` +
          `${forecast.season > 1 ? `season of ${forecast.season}` : "no season"}` +
          `${forecast.knowsYear && byDays ? " and of the year" : ""}; back-test from up to 4 earlier ends.`,
      },
      question.notes,
    );
  },
});

/** Forecasts metrics that do not add up from days: ratios, distinct counts, hours, public data by month. */
function forecastBuckets(
  values: readonly number[],
  known: readonly string[],
  grain: Grain,
  horizon: number,
): BucketForecast {
  const season = seasonOf(grain, values.length, 3);
  const fitted = fit(values, season);
  const buckets = nextBuckets(known.at(-1) ?? "", grain, horizon);
  const rows = project(fitted, horizon).map((step, index) => ({ bucket: buckets[index] ?? "", ...step }));
  const deviation = deviateSum(
    fitted,
    rows.map(() => 1),
  );
  return {
    rows,
    total: { value: sum(rows.map(({ value }) => value)), deviation },
    test: backTest(values, season, horizon, WIDTH),
    running: undefined,
    // A season of months or quarters is one of the year.
    knowsYear: season === 12 || season === 4 || grain === "hour" || grain === "year",
    season,
  };
}

/** The value as it is shown: a rough one says in its digits how little is known. */
function present(value: number, decimals: number, isRough: boolean): number {
  const shown = Number(value.toFixed(decimals));
  return isRough ? Number(shown.toPrecision(ROUGH_DIGITS)) : shown;
}

/**
 * Standard deviations of the middle 95 % with so many degrees of freedom (Student's t, by Fisher's
 * expansion).
 */
function widenFor(freedom: number): number {
  const [z, n] = [WIDTH, Math.max(1, freedom)];
  return z + (z ** 3 + z) / (4 * n) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * n ** 2);
}

/**
 * The end of what was measured: twice as much as is expected, so that a picture shows where it comes from.
 */
function listRecent(
  points: readonly string[],
  values: readonly number[],
  grain: Exclude<Grain, "total">,
  horizon: number,
  byDays: boolean,
) {
  const sums = new Map<string, number>();
  for (const [index, point] of points.entries()) {
    const bucket = byDays && grain !== "hour" ? bucketOf(point, grain) : point;
    sums.set(bucket, (sums.get(bucket) ?? 0) + (values[index] ?? 0));
  }
  const whole = [...sums].filter(
    ([bucket]) => grain === "day" || !byDays || endOf(bucket, grain) <= addDays(points.at(-1) ?? "", 1),
  );
  return whole.slice(-Math.max(2 * horizon, 24));
}

/** A ratio without a denominator has no value: the one before stands in. */
function fillGaps(values: readonly (number | null)[], notes: string[]): number[] {
  const first = values.findIndex((value) => value !== null);
  if (first === -1) return [];
  let last = values[first] ?? 0;
  let filled = 0;
  const whole = values.slice(first).map((value) => {
    if (value === null) filled++;
    last = value ?? last;
    return last;
  });
  if (filled > 0) notes.push(`${filled} buckets have no value; the value before each stands in.`);
  return whole;
}

/** Says what makes a forecast weak, and gives whether there was too little history for it. */
function addWarnings(
  notes: string[],
  { test, running, knowsYear }: BucketForecast,
  points: number,
  reach: number,
): boolean {
  if (running) {
    notes.push(
      `${running.bucket} is running: ${running.days} measured days are in its figure, the others are forecast.`,
    );
  }
  const reasons = [
    test ? undefined : "The history is too short for a back-test: how good this is, is not known.",
    reach > points / 2 ? "The forecast reaches far for so short a history." : undefined,
    !knowsYear && reach > SEASON_MATTERS
      ? "The history has less than two years: what the time of the year does is not known."
      : undefined,
  ].filter((reason) => reason !== undefined);
  notes.push(...reasons);
  if (reasons.length > 0) notes.push("Too little history: the figures are rough and given with two digits.");
  if (test?.mase !== undefined && test.mase !== null && test.mase >= 1) {
    notes.push("On the past it was no better than repeating the last season: take it as a rough guess.");
  }
  return reasons.length > 0;
}

function roundOrNull(value: number | null): number | null {
  return value === null ? null : Number(value.toFixed(2));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
