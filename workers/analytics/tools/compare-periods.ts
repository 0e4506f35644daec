import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { fromTicksOrNull, percentChange } from "../amounts.ts";
import {
  DEFAULT_PERIOD,
  describeNothing,
  listNotes,
  presentSource,
  presentValue,
  withNotes,
} from "../answer.ts";
import { drawPicture } from "../charts/draw-picture.ts";
import { chartView } from "../charts/view.ts";
import { describeMethod, keepLargest, type Member, splitChange } from "../contributions.ts";
import {
  chartField,
  countField,
  dimensionField,
  metricField,
  notesShape,
  periodField,
  periodShape,
  selectionFields,
} from "../fields.ts";
import { MEASURES, type MeasureName, type Parts } from "../measures.ts";
import { computeTicks, decimalsOf, factOf, measuresOf } from "../metrics.ts";
import {
  BASELINES,
  describeLengths,
  describeRunning,
  formatPeriod,
  type Period,
  parsePeriod,
  shiftBack,
} from "../periods.ts";
import { QueryResolver } from "../query-resolver.ts";
import type { Metric } from "../semantic-layer.ts";
import type { Aggregate } from "../store/aggregate.ts";
import type { Selection } from "../store/base.ts";
import type { AnalyticsStore } from "../store.ts";

/** Maximum members of a dimension; a longer list is unreadable. */
const MAX_MEMBERS = 1_000;

const figure = z.number().nullable();

/** Explains why a metric changed between two periods. */
export const comparePeriods = defineTool({
  name: "analytics_compare",
  title: "Compare periods",
  effect: "read",
  costly: true,
  scope: "analytics:read",
  view: chartView,
  description:
    "Compares a metric with an earlier period and says how much each region, channel, product … contributed to the change; the contributions add up to it exactly. Use it for questions of why, one dimension a call.",
  input: z.object({
    metric: metricField,
    period: periodField.optional(),
    against: z
      .string()
      .trim()
      .min(1)
      .max(60)
      .default("previous_period")
      .describe("previous_period, previous_year, or a period"),
    by: dimensionField
      .optional()
      .describe("Dimension to explain the change by; default region. Any but customer"),
    ...selectionFields,
    limit: countField(100).default(10).describe("Contributions shown; the rest is added up"),
    chart: chartField,
  }),
  inherits: ["region", "segment", "period"],
  output: z.object({
    metric: z.string(),
    unit: z.string(),
    period: periodShape,
    baseline_period: periodShape,
    value: figure,
    baseline: figure,
    change: figure,
    change_percent: figure,
    by: z.string(),
    contributions: z.array(
      z.object({
        member: z.string(),
        value: figure,
        baseline: figure,
        change_percent: figure,
        contribution: z.number(),
        share_percent: figure.describe("Of the whole change"),
      }),
    ),
    others: z.object({ members: z.number().int(), contribution: z.number() }).optional(),
    method: z.string(),
    source: z.string().optional(),
    notes: notesShape,
  }),
  overflow: "contributions",
  content: drawPicture,
  async run(input, { store, now, context }: ToolContext<AnalyticsStore>) {
    const question = new QueryResolver(store);
    const metric = question.metric(input.metric);
    const fact = factOf(metric);
    const [by = ""] = question.dimensions([input.by ?? (fact === "commerce" ? "region" : "sector")], fact);
    if (by === "customer") {
      throw new ToolError("invalid_input", "A change is not explained by single customers.", {
        suggestedAction: 'Use segment or country, or analytics_query with the dimension "customer".',
      });
    }
    const period = parsePeriod(input.period ?? DEFAULT_PERIOD, now);
    const baseline = readBaseline(period, input.against, now);
    question.notes.push(
      ...listNotes(
        describeRunning(period, now),
        describeRunning(baseline, now),
        describeLengths(period, baseline),
      ),
    );
    const filters = await question.filters(fact, input, input.filters);
    const select = (span: Period): Selection => ({
      fact,
      measures: measuresOf(metric),
      from: span.from,
      to: span.to,
      filters,
      dimensions: [by],
      grain: "total",
    });
    const [after, before] = await Promise.all([
      readSide(store, metric, select(period)),
      readSide(store, metric, select(baseline)),
    ]);
    if (after.groups === 0 || before.groups === 0)
      question.notes.push(await describeNothing(store, fact, period, filters));
    const split = splitChange(metric, before.totals, after.totals, joinMembers(before, after));
    if (!split) question.notes.push("One of the periods has no value, so there is no change to explain.");
    const { shown, others } = keepLargest(metric, split ?? [], input.limit);
    context.remember({ type: "metric", id: metric.name, label: metric.title });
    const [ticksAfter, ticksBefore] = [
      computeTicks(metric, after.totals),
      computeTicks(metric, before.totals),
    ];
    const change = ticksAfter === null || ticksBefore === null ? null : ticksAfter - ticksBefore;
    return withNotes(
      {
        metric: metric.name,
        unit: metric.unit,
        ...presentSource(fact),
        period: formatPeriod(period),
        baseline_period: formatPeriod(baseline),
        value: presentValue(metric, after.totals),
        baseline: presentValue(metric, before.totals),
        change: fromTicksOrNull(change, decimalsOf(metric)),
        change_percent: percentChange(ticksBefore, ticksAfter),
        by,
        contributions: shown.map(({ before: baselineValue, after: value, ...rest }) => ({
          ...rest,
          value,
          baseline: baselineValue,
        })),
        ...(others && { others }),
        method: describeMethod(metric),
      },
      question.notes,
    );
  },
});

interface Side extends Aggregate {
  /** Evenly divided distinct counts by member. */
  shared: Map<string, Parts>;
}

function readBaseline(period: Period, against: string, now: Date): Period {
  const word = against.toLowerCase().replace(/[\s-]+/g, "_");
  const named = BASELINES.find((baseline) => baseline === word);
  return named ? shiftBack(period, named) : parsePeriod(against, now);
}

async function readSide(store: AnalyticsStore, metric: Metric, selection: Selection): Promise<Side> {
  const top = { count: MAX_MEMBERS, by: metric, ascending: false };
  const distinct = measuresOf(metric).filter((name) => MEASURES[name].adds === "distinct");
  const [aggregate, ...shares] = await Promise.all([
    store.aggregate(selection, top, MAX_MEMBERS + 1),
    ...distinct.map((name) => store.shareDistinct(selection, name)),
  ]);
  if (aggregate.groups > MAX_MEMBERS) {
    throw new ToolError("result_too_large", `The dimension has more than ${MAX_MEMBERS} members.`);
  }
  return { ...aggregate, shared: mergeShares(distinct, shares) };
}

function mergeShares(
  names: readonly MeasureName[],
  shares: readonly Map<string, number>[],
): Map<string, Parts> {
  const merged = new Map<string, Parts>();
  for (const [index, name] of names.entries()) {
    for (const [member, share] of shares[index] ?? []) {
      merged.set(member, { ...merged.get(member), [name]: share });
    }
  }
  return merged;
}

function joinMembers(before: Side, after: Side): Member[] {
  const partsBefore = new Map(before.rows.map(({ members, parts }) => [members[0] ?? "", parts]));
  const partsAfter = new Map(after.rows.map(({ members, parts }) => [members[0] ?? "", parts]));
  return [...new Set([...partsAfter.keys(), ...partsBefore.keys()])].map((name) => ({
    name,
    before: partsBefore.get(name) ?? {},
    after: partsAfter.get(name) ?? {},
    sharedBefore: before.shared.get(name) ?? {},
    sharedAfter: after.shared.get(name) ?? {},
  }));
}
