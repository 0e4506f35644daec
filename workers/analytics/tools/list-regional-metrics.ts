import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { divideToTicks, fromTicksOrNull, percentChange, sharesOf } from "../amounts.ts";
import { DEFAULT_PERIOD, describeCoverage, presentUnits, presentValue, withNotes } from "../answer.ts";
import { drawPicture } from "../charts/draw-picture.ts";
import { chartView } from "../charts/view.ts";
import {
  chartField,
  customerFields,
  metricsField,
  notesShape,
  periodField,
  periodShape,
  rowsShape,
} from "../fields.ts";
import { MEASURES, type Parts } from "../measures.ts";
import { computeTicks, factOf, measuresOf } from "../metrics.ts";
import { formatPeriod, parsePeriod, shiftBack } from "../periods.ts";
import { QueryResolver } from "../query-resolver.ts";
import type { Metric } from "../semantic-layer.ts";
import type { Filter, Selection } from "../store/base.ts";
import type { AnalyticsStore } from "../store.ts";

/** Regions or countries at most; more than there are. */
const MAX_MARKETS = 300;

/** One table of regions or countries: figures, share of the whole, and change against the period before. */
export const listRegionalMetrics = defineTool({
  name: "analytics_regional_metrics",
  title: "Regional metrics",
  effect: "read",
  scope: "analytics:read",
  view: chartView,
  description:
    "One table of all regions (or of countries): each metric with its share of the whole and its change against the previous period. The quickest answer to how the regions are doing.",
  input: z.object({
    metrics: metricsField.optional().describe("Metric names, at most 6; default revenue, orders"),
    period: periodField.optional().describe("As in analytics_query; default last_30_days"),
    by: z.enum(["region", "country"]).default("region").describe("Rows of the table"),
    ...customerFields,
    chart: chartField,
  }),
  inherits: ["region", "segment", "period"],
  output: z.object({
    period: periodShape,
    previous_period: periodShape,
    columns: z.array(z.string()),
    rows: rowsShape,
    totals: z.record(
      z.string(),
      z.object({
        value: z.number().nullable(),
        previous: z.number().nullable(),
        change_percent: z.number().nullable(),
      }),
    ),
    units: z.record(z.string(), z.string()),
    notes: notesShape,
  }),
  overflow: "rows",
  content: drawPicture,
  async run(input, { store, now }: ToolContext<AnalyticsStore>) {
    const question = new QueryResolver(store);
    const metrics = question.metrics(input.metrics?.length ? input.metrics : ["revenue", "orders"]);
    if (factOf(metrics[0]) !== "commerce") {
      throw new ToolError("invalid_input", `${metrics[0].name} has no regions.`, {
        suggestedAction: "Use analytics_query with the dimension sector.",
      });
    }
    const period = parsePeriod(input.period ?? DEFAULT_PERIOD, now);
    const previous = shiftBack(period, "previous_period");
    const filters = await question.filters("commerce", input);
    const select = (from: string, to: string) => selectMarkets(input.by, metrics, filters, from, to);
    const top = { count: MAX_MARKETS, by: metrics[0], ascending: false };
    const [current, before] = await Promise.all([
      store.aggregate(select(period.from, period.to), top, MAX_MARKETS),
      store.aggregate(select(previous.from, previous.to), top, MAX_MARKETS),
    ]);
    if (current.groups === 0) question.notes.push(await describeCoverage(store, "commerce"));
    const markets = joinMarkets(current.rows, before.rows);
    const people = input.by === "country" ? await readPopulations(store, markets) : undefined;
    if (people) question.notes.push("Population: Gapminder, CC BY 4.0.");
    return withNotes(
      {
        period: formatPeriod(period),
        previous_period: formatPeriod(previous),
        columns: [
          input.by,
          ...metrics.flatMap(nameColumns),
          ...(people ? [perMillionColumn(metrics[0])] : []),
        ],
        rows: listRows(markets, metrics, people),
        totals: Object.fromEntries(
          metrics.map((metric) => [metric.name, compareTotals(metric, current.totals, before.totals)]),
        ),
        units: presentUnits(metrics),
      },
      question.notes,
    );
  },
});

interface Market {
  name: string;
  current: Parts;
  before: Parts;
}

function selectMarkets(
  by: string,
  metrics: readonly Metric[],
  filters: readonly Filter[],
  from: string,
  to: string,
): Selection {
  const measures = [...new Set(metrics.flatMap(measuresOf))];
  return { fact: "commerce", measures, from, to, filters, dimensions: [by], grain: "total" };
}

function joinMarkets(
  current: readonly { members: string[]; parts: Parts }[],
  before: readonly { members: string[]; parts: Parts }[],
): Market[] {
  const past = new Map(before.map(({ members, parts }) => [members[0] ?? "", parts]));
  const now = new Map(current.map(({ members, parts }) => [members[0] ?? "", parts]));
  // A market that only sold before stays in the table: its loss is part of the story.
  return [...new Set([...now.keys(), ...past.keys()])].map((name) => ({
    name,
    current: now.get(name) ?? {},
    before: past.get(name) ?? {},
  }));
}

function hasShares(metric: Metric): boolean {
  return metric.denominator === undefined && MEASURES[metric.numerator].adds === "sum";
}

function nameColumns(metric: Metric): string[] {
  const { name } = metric;
  return [
    name,
    ...(hasShares(metric) ? [`${name}_share_percent`] : []),
    `${name}_previous`,
    `${name}_change_percent`,
  ];
}

function perMillionColumn(metric: Metric): string {
  return `${metric.name}_per_million_people`;
}

function listRows(
  markets: readonly Market[],
  metrics: readonly [Metric, ...Metric[]],
  people: ReadonlyMap<string, number> | undefined,
): (string | number | null)[][] {
  const shares = metrics.map((metric) =>
    hasShares(metric)
      ? sharesOf(markets.map(({ current }) => computeTicks(metric, current) ?? 0))
      : undefined,
  );
  return markets.map((market, row) => [
    market.name,
    ...metrics.flatMap((metric, index) => {
      const share = shares[index];
      return [
        presentValue(metric, market.current),
        ...(share ? [share[row] ?? null] : []),
        presentValue(metric, market.before),
        percentChange(computeTicks(metric, market.before), computeTicks(metric, market.current)),
      ];
    }),
    ...(people ? [perMillion(metrics[0], market, people.get(market.name))] : []),
  ]);
}

function perMillion(metric: Metric, market: Market, population: number | undefined): number | null {
  const ticks = computeTicks(metric, market.current);
  if (metric.denominator !== undefined || ticks === null || population === undefined) return null;
  const scale = metric.unit === "USD" ? population * 100 : population;
  return fromTicksOrNull(divideToTicks(ticks, scale, 1_000_000, 2), 2);
}

function compareTotals(metric: Metric, current: Parts, before: Parts) {
  const [now, past] = [computeTicks(metric, current), computeTicks(metric, before)];
  return {
    value: presentValue(metric, current),
    previous: presentValue(metric, before),
    change_percent: percentChange(past, now),
  };
}

async function readPopulations(
  store: AnalyticsStore,
  markets: readonly Market[],
): Promise<Map<string, number>> {
  const profiles = await store.listCountryProfiles(markets.map(({ name }) => name));
  return new Map(profiles.map(({ country, population }) => [country, population]));
}
