import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import {
  DEFAULT_PERIOD,
  describeNothing,
  listNotes,
  presentSource,
  presentUnits,
  presentValue,
  withNotes,
} from "../answer.ts";
import { chooseKind, WANTED } from "../charts/choose-kind.ts";
import { drawPicture } from "../charts/draw-picture.ts";
import { chartView } from "../charts/view.ts";
import {
  countField,
  customerFields,
  dimensionsField,
  filtersField,
  grainField,
  metricsField,
  notesShape,
  periodField,
  periodShape,
  rowsShape,
  timezoneField,
} from "../fields.ts";
import { type Grain, listBuckets, listPartialBuckets } from "../grains.ts";
import { factOf, measuresOf } from "../metrics.ts";
import { describeRunning, formatPeriod, type Period, parsePeriod } from "../periods.ts";
import { QueryResolver } from "../query-resolver.ts";
import type { Metric } from "../semantic-layer.ts";
import type { Aggregate } from "../store/aggregate.ts";
import type { AnalyticsStore } from "../store.ts";
import { placeInZone, toWallClock, type ZoneSpan } from "../zones.ts";

/** Rows of an answer at most; the guard pages what the model should not read at once. */
const MAX_ROWS = 5_000;
const OTHER = "(other)";

/** Metrics by dimensions and time. */
export const queryMetrics = defineTool({
  name: "analytics_query",
  title: "Query metrics",
  effect: "read",
  scope: "analytics:read",
  view: chartView,
  description:
    'Gives metrics for a period, cut by dimensions and time. Example: {"metrics": ["revenue", "orders"], "dimensions": ["channel"], "period": "last_quarter", "grain": "month"}. The largest groups come first, the rest is one row "(other)". For why a figure moved use analytics_compare.',
  input: z.object({
    metrics: metricsField,
    dimensions: dimensionsField.optional(),
    filters: filtersField.optional(),
    period: periodField.optional(),
    grain: grainField.optional(),
    timezone: timezoneField.optional(),
    ...customerFields,
    limit: countField(100).default(10).describe("Groups shown; the rest becomes (other)"),
    order: z.enum(["highest", "lowest"]).default("highest").describe("By the first metric"),
    chart: z.enum(WANTED).default("none").describe("Adds a PNG"),
  }),
  inherits: ["region", "segment", "period", "grain"],
  output: z.object({
    period: periodShape,
    grain: z.string(),
    timezone: z.string().optional().describe("Left out: UTC"),
    columns: z.array(z.string()).describe("Names of the cells of each row"),
    rows: rowsShape,
    totals: z.record(z.string(), z.number().nullable()).describe("Over everything, not only rows"),
    units: z.record(z.string(), z.string()),
    partial: z.record(z.string(), z.string()).optional().describe("Cut or running buckets"),
    chart: z.string().optional(),
    other_groups: z.number().int().optional().describe('In "(other)"'),
    source: z.string().optional(),
    notes: notesShape,
  }),
  overflow: "rows",
  content: drawPicture,
  async run(input, { store, now, context }: ToolContext<AnalyticsStore>) {
    const question = new QueryResolver(store);
    const metrics = question.metrics(input.metrics);
    const fact = factOf(metrics[0]);
    const dimensions = question.dimensions(input.dimensions ?? [], fact);
    const grain = question.grain(input.grain ?? "total", fact);
    const name = question.zone(input.timezone, fact);
    const clock = name ? toWallClock(now, name) : now;
    const period = parsePeriod(input.period ?? DEFAULT_PERIOD, clock);
    question.notes.push(...listNotes(describeRunning(period, clock)));
    const partial = listPartialBuckets(period, grain, clock);
    const zone = name ? placeInZone(period, name) : undefined;
    const filters = await question.filters(fact, input, input.filters);
    boundBuckets(period, grain, zone, dimensions.length > 0 ? input.limit + 1 : 1);
    const measures = [...new Set(metrics.flatMap(measuresOf))];
    const aggregate = await store.aggregate(
      { fact, measures, from: period.from, to: period.to, filters, dimensions, grain, zone },
      { count: input.limit, by: metrics[0], ascending: input.order === "lowest" },
      MAX_ROWS,
    );
    if (aggregate.groups === 0) question.notes.push(await describeNothing(store, fact, period, filters));
    for (const { name, title } of metrics) context.remember({ type: "metric", id: name, label: title });
    const chart = chooseKind(input.chart, metrics[0], grain !== "total", question.notes);
    const others = Math.max(0, aggregate.groups - input.limit);
    return withNotes(
      {
        period: formatPeriod(period),
        grain,
        ...(name && { timezone: name }),
        columns: [...(grain === "total" ? [] : [grain]), ...dimensions, ...metrics.map(({ name }) => name)],
        rows: listRows(
          aggregate,
          metrics,
          dimensions.length,
          (limit) => listBuckets(period, grain, limit, zone),
          grain,
        ),
        totals: Object.fromEntries(
          metrics.map((metric) => [metric.name, presentValue(metric, aggregate.totals)]),
        ),
        units: presentUnits(metrics),
        ...(Object.keys(partial).length > 0 && { partial }),
        ...presentSource(fact),
        ...(chart && { chart }),
        ...(dimensions.length > 0 && others > 0 && { other_groups: others }),
      },
      question.notes,
    );
  },
});

function boundBuckets(period: Period, grain: Grain, zone: ZoneSpan | undefined, series: number): void {
  const buckets = listBuckets(period, grain, MAX_ROWS, zone).length;
  if (buckets * series <= MAX_ROWS) return;
  throw new ToolError("result_too_large", `This would be more than ${MAX_ROWS} rows.`, {
    suggestedAction: "Use a coarser grain, a shorter period or a smaller limit.",
  });
}

function listRows(
  aggregate: Aggregate,
  metrics: readonly Metric[],
  dimensions: number,
  list: (limit: number) => string[],
  grain: Grain,
): (string | number | null)[][] {
  if (grain !== "total" && dimensions === 0) {
    // A bucket in which nothing happened is a row of its own: a gap in a series would read as a straight
    // line.
    const found = new Map(aggregate.rows.map((row) => [row.bucket, row.parts]));
    return list(MAX_ROWS).map((bucket) => [
      bucket,
      ...metrics.map((metric) => presentValue(metric, found.get(bucket) ?? {})),
    ]);
  }
  return aggregate.rows.map((row) => [
    ...(grain === "total" ? [] : [row.bucket]),
    ...(row.other ? [OTHER, ...Array<null>(dimensions - 1).fill(null)] : row.members),
    ...metrics.map((metric) => presentValue(metric, row.parts)),
  ]);
}
