import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { presentSource, withNotes } from "../answer.ts";
import { drawPicture } from "../charts/draw-picture.ts";
import { chartView } from "../charts/view.ts";
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
import type { Grain } from "../grains.ts";
import { MEASURES } from "../measures.ts";
import { decimalsOf, factOf } from "../metrics.ts";
import { parsePeriod } from "../periods.ts";
import { QueryResolver } from "../query-resolver.ts";
import { backTest } from "../series/back-test.ts";
import { fit, project } from "../series/holt-winters.ts";
import { nextBuckets, readSeries } from "../series/read-series.ts";
import { seasonOf } from "../series/seasons.ts";
import type { AnalyticsStore } from "../store.ts";

/** Standard deviations of a normal distribution's middle 95 %. */
const WIDTH = 1.96;
const LEAST_POINTS = 12;

/** History and length of a forecast where the caller names none. */
const DEFAULTS: Readonly<Record<Exclude<Grain, "total">, { history: string; horizon: number }>> = {
  hour: { history: "last_30_days", horizon: 48 },
  day: { history: "last_365_days", horizon: 30 },
  week: { history: "last_104_weeks", horizon: 8 },
  month: { history: "last_60_months", horizon: 6 },
  quarter: { history: "last_40_quarters", horizon: 4 },
  year: { history: "last_20_years", horizon: 2 },
};

/** What a metric will probably be. */
export const forecastMetric = defineTool({
  name: "analytics_forecast",
  title: "Forecast",
  effect: "read",
  costly: true,
  scope: "analytics:read",
  view: chartView,
  description:
    "Forecasts a metric with a 95 % interval, and shows how wrong the method was on the past. Say the error with the figure.",
  input: z.object({
    metric: metricField,
    grain: bucketField.describe("Length of a step"),
    horizon: countField(366).optional().describe("Buckets ahead; default 30 days, 6 months"),
    period: periodField
      .optional()
      .describe("History, as in analytics_query; default a year of days, 5 years of months"),
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
    const period = parsePeriod(input.period ?? DEFAULTS[grain].history, now);
    const filters = await question.filters(fact, input, input.filters);
    const [series] = await readSeries(store, { metric, period, grain, filters }, now);
    const values = fillGaps(series?.values ?? [], question.notes);
    if (!series || values.length < LEAST_POINTS) {
      throw new ToolError(
        "invalid_input",
        `There are only ${values.length} whole points; a forecast needs ${LEAST_POINTS}.`,
        {
          suggestedAction: "Use a finer grain or a longer history in period.",
        },
      );
    }
    const season = seasonOf(grain, values.length, 3);
    const isNeverNegative = values.every((value) => value >= 0);
    const decimals = decimalsOf(metric);
    const show = (value: number) => Number((isNeverNegative ? Math.max(0, value) : value).toFixed(decimals));
    const steps = project(fit(values, season), horizon);
    const buckets = nextBuckets(series.buckets.at(-1) ?? "", grain, horizon);
    const test = backTest(values, season, horizon, WIDTH);
    addWarnings(question.notes, test?.mase, horizon, values.length);
    context.remember({ type: "metric", id: metric.name, label: metric.title });
    const isSum = metric.denominator === undefined && MEASURES[metric.numerator].adds === "sum";
    return withNotes(
      {
        metric: metric.name,
        unit: metric.unit,
        ...presentSource(fact),
        history: `${series.buckets[0]}..${series.buckets.at(-1)}`,
        grain,
        columns: [grain, "forecast", "low", "high"],
        rows: steps.map(({ value, deviation }, index) => [
          buckets[index] ?? null,
          show(value),
          show(value - WIDTH * deviation),
          show(value + WIDTH * deviation),
        ]),
        ...(input.chart !== "none" && { recent: listRecent(series.buckets, series.values, horizon) }),
        ...(isSum && {
          total: Number(steps.reduce((sum, { value }) => sum + show(value), 0).toFixed(decimals)),
        }),
        ...(test && {
          back_test: {
            points: test.points,
            mase: roundOrNull(test.mase),
            mape_percent: roundOrNull(test.mape),
            inside_interval_percent: Math.round(test.coverage),
          },
        }),
        method: `Holt-Winters, additive, damped trend, ${season > 1 ? `season of ${season}` : "no season"}; back-test from up to 4 earlier ends.`,
      },
      question.notes,
    );
  },
});

/** The end of what was measured: twice as much as is expected, so that a picture shows where it comes from. */
function listRecent(buckets: readonly string[], values: readonly (number | null)[], horizon: number) {
  const from = Math.max(0, buckets.length - Math.max(2 * horizon, 24));
  return buckets.slice(from).map((bucket, index) => [bucket, values[from + index] ?? null]);
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

function addWarnings(
  notes: string[],
  mase: number | null | undefined,
  horizon: number,
  points: number,
): void {
  if (mase === undefined)
    notes.push("The history is too short for a back-test: nobody knows how good this is.");
  if (mase !== undefined && mase !== null && mase >= 1) {
    notes.push("On the past it was no better than repeating the last season: take it as a rough guess.");
  }
  if (horizon > points / 2) notes.push("The forecast reaches far for so short a history.");
}

function roundOrNull(value: number | null): number | null {
  return value === null ? null : Number(value.toFixed(2));
}
