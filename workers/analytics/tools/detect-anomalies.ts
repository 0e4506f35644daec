import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { presentSource, withNotes } from "../answer.ts";
import { drawPicture } from "../charts/draw-picture.ts";
import { chartView } from "../charts/view.ts";
import { addDays, addMonths } from "../days.ts";
import {
  bucketField,
  chartField,
  countField,
  dimensionField,
  metricField,
  notesShape,
  periodField,
  periodShape,
  rowsShape,
  selectionFields,
} from "../fields.ts";
import type { Grain } from "../grains.ts";
import { decimalsOf, factOf } from "../metrics.ts";
import { formatPeriod, type Period, parsePeriod } from "../periods.ts";
import { QueryResolver } from "../query-resolver.ts";
import type { Metric } from "../semantic-layer.ts";
import { scorePoints } from "../series/anomalies.ts";
import { endOf, readSeries, type Series } from "../series/read-series.ts";
import { seasonOf } from "../series/seasons.ts";
import type { AnalyticsStore } from "../store.ts";

/** Limits of the score; 3.5 is the published one. */
const LIMITS = { low: 5, normal: 3.5, high: 2.5 } as const;
const MEMBERS = 10;
const MAX_SCORE = 99;

/** Points that are out of line with their trend and season. */
export const detectAnomalies = defineTool({
  name: "analytics_detect_anomalies",
  title: "Detect anomalies",
  effect: "read",
  costly: true,
  scope: "analytics:read",
  view: chartView,
  description:
    "Finds the days (hours, weeks …) on which a metric was out of line with its trend and season, and why each is one. Then ask analytics_compare for the cause.",
  input: z.object({
    metric: metricField,
    period: periodField.optional().describe("As in analytics_query; default last_90_days"),
    grain: bucketField.describe("Length of a point"),
    by: dimensionField.optional().describe(`Looks at each of its ${MEMBERS} largest members`),
    ...selectionFields,
    sensitivity: z.enum(["low", "normal", "high"]).default("normal").describe("High finds more"),
    limit: countField(100).default(10).describe("Strongest first"),
    chart: chartField,
  }),
  inherits: ["region", "segment", "period"],
  output: z.object({
    metric: z.string(),
    unit: z.string(),
    period: periodShape,
    grain: z.string(),
    checked: z.number().int().describe("Points looked at"),
    found: z.number().int(),
    anomalies: z.array(
      z.object({
        at: z.string(),
        member: z.string().optional(),
        value: z.number(),
        expected: z.number(),
        usual: z.array(z.number()).describe("From, to"),
        score: z.number().describe("Robust standard deviations"),
        why: z.string(),
      }),
    ),
    series: rowsShape.optional().describe("Measured and usual, for the picture"),
    method: z.string(),
    next: z.string().optional(),
    source: z.string().optional(),
    notes: notesShape,
  }),
  overflow: "anomalies",
  content: drawPicture,
  async run(input, { store, now, context }: ToolContext<AnalyticsStore>) {
    const question = new QueryResolver(store);
    const metric = question.metric(input.metric);
    const fact = factOf(metric);
    const grain = question.grain(input.grain, fact);
    const period = parsePeriod(input.period ?? "last_90_days", now);
    const filters = await question.filters(fact, input, input.filters);
    const [dimension] = question.dimensions(input.by ? [input.by] : [], fact);
    const series = await readSeries(
      store,
      {
        metric,
        period: { ...period, from: lookBack(period, grain) },
        grain,
        filters,
        by: dimension ? { dimension, count: MEMBERS } : undefined,
      },
      now,
    );
    const limit = LIMITS[input.sensitivity];
    const first = period.from;
    const looked = series.map((one) => findAnomalies(metric, one, grain, limit, first));
    const found = looked
      .flatMap(({ anomalies }) => anomalies)
      .sort((a, b) => Math.abs(b.score) - Math.abs(a.score));
    const season = Math.max(...looked.map((one) => one.season));
    context.remember({ type: "metric", id: metric.name, label: metric.title });
    const [strongest] = found;
    const [only] = looked.length === 1 ? looked : [];
    if (input.chart !== "none" && !only) question.notes.push("A picture needs one series: leave out by.");
    return withNotes(
      {
        metric: metric.name,
        unit: metric.unit,
        ...presentSource(fact),
        period: formatPeriod(period),
        grain,
        checked: looked.reduce((sum, { checked }) => sum + checked, 0),
        found: found.length,
        anomalies: found.slice(0, input.limit),
        ...(input.chart !== "none" && only && { series: only.rows }),
        method:
          `Running median as trend${season > 1 ? `, median of each of ${season} phases as season` : ""}; out of line is a ` +
          `modified z-score beyond ${limit} (Iglewicz and Hoaglin).`,
        ...(strongest && grain === "day" && { next: suggestComparison(metric, strongest.at) }),
      },
      question.notes,
    );
  },
});

function findAnomalies(metric: Metric, series: Series, grain: Grain, limit: number, first: string) {
  const season = seasonOf(grain, series.values.length, 3);
  const scores = scorePoints(series.values, season, limit, readNoise(metric, series));
  if (!scores) {
    throw new ToolError(
      "invalid_input",
      `There are only ${series.values.length} whole points, too few to know what is usual.`,
      {
        suggestedAction: "Use a finer grain or a longer period.",
      },
    );
  }
  const isNeverNegative = series.values.every((value) => value === null || value >= 0);
  const decimals = decimalsOf(metric);
  const round = (value: number) => Number(value.toFixed(decimals));
  const up = (value: number) => Math.ceil(value * 10 ** decimals) / 10 ** decimals;
  const down = (value: number) => Math.floor(value * 10 ** decimals) / 10 ** decimals;
  const inPeriod = series.buckets.map((bucket) => endOf(bucket, grain) > first);
  const anomalies = series.buckets.flatMap((at, index) => {
    const [score, value] = [scores[index], series.values[index] ?? null];
    if (!score || value === null || !inPeriod[index] || Math.abs(score.score) <= limit) return [];
    const low = up(isNeverNegative ? Math.max(0, score.low) : score.low);
    const [expected, high] = [round(score.expected), down(score.high)];
    const shown = Math.sign(score.score) * Math.min(MAX_SCORE, Number(Math.abs(score.score).toFixed(1)));
    const why = explain(value, expected, low, high, `${nameMoment(at, grain, season)}`);
    return [
      {
        at,
        ...(series.member && { member: series.member }),
        value,
        expected,
        usual: [low, high],
        score: shown,
        why,
      },
    ];
  });
  const rows = series.buckets.flatMap((at, index) => {
    const score = inPeriod[index] ? scores[index] : undefined;
    return score ? [[at, series.values[index] ?? null, down(score.low), up(score.high)]] : [];
  });
  return { anomalies, rows, season, checked: inPeriod.filter(Boolean).length };
}

/** What chance alone does: a count varies by its root (Poisson), a part of a count by √(p(1 − p) ÷ n) (binomial). */
function readNoise(metric: Metric, series: Series): (expected: number, index: number) => number {
  const countsEvents = !metric.numerator.endsWith("_cents") && factOf(metric) === "commerce";
  if (!countsEvents) return () => 0;
  if (metric.denominator === undefined) return (expected) => Math.sqrt(Math.max(1, expected));
  return (expected, index) => {
    const part = Math.min(0.99, Math.max(0.01, expected / 100));
    return 100 * Math.sqrt((part * (1 - part)) / Math.max(1, series.denominators[index] ?? 0));
  };
}

function explain(value: number, expected: number, low: number, high: number, moment: string): string {
  const percent = expected === 0 ? "" : `${Math.abs(Math.round(((value - expected) / expected) * 100))} % `;
  const side = value < expected ? "below" : "above";
  const show = (figure: number) => figure.toLocaleString("en", { maximumFractionDigits: 2 });
  return `${percent}${side} the ${show(expected)} expected for ${moment}; usual is ${show(low)} to ${show(high)}.`;
}

const WEEKDAY = new Intl.DateTimeFormat("en", { weekday: "long", timeZone: "UTC" });
const MONTH = new Intl.DateTimeFormat("en", { month: "long", timeZone: "UTC" });

/** The phase of the season that a bucket is in, in words. */
function nameMoment(at: string, grain: Grain, season: number): string {
  if (season === 1) return `this ${grain}`;
  if (grain === "day") return `a ${WEEKDAY.format(new Date(`${at}T00:00:00Z`))}`;
  if (grain === "month") return MONTH.format(new Date(`${at}-01T00:00:00Z`));
  return grain === "hour" ? `${at.slice(11, 16)} UTC` : `a ${at.slice(5)}`;
}

/** What is read before the period, so that its first points have something to be compared with. */
function lookBack(period: Period, grain: Grain): string {
  if (grain === "hour") return addDays(period.from, -14);
  if (grain === "day") return addDays(period.from, -56);
  if (grain === "week") return addDays(period.from, -26 * 7);
  return addMonths(period.from, grain === "month" ? -36 : -60);
}

function suggestComparison(metric: Metric, day: string): string {
  return `For the cause: analytics_compare with metric ${metric.name}, period ${day}, against ${addDays(day, -7)}, by region, then channel.`;
}
