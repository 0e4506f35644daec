import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { presentSource, withNotes } from "../answer.ts";
import { drawPicture } from "../charts/draw-picture.ts";
import { chartView } from "../charts/view.ts";
import { addDays, toDay } from "../days.ts";
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
import { factOf } from "../metrics.ts";
import { formatPeriod, parsePeriod } from "../periods.ts";
import { QueryResolver } from "../query-resolver.ts";
import type { Metric } from "../semantic-layer.ts";
import { costUnit, groupFindings, type Incident, type Place } from "../series/incidents.ts";
import { lookEverywhere, MEMBERS, readLooks } from "../series/survey.ts";
import type { AnalyticsStore } from "../store.ts";

/** Limits of the score; 3.5 is the published one. */
const LIMITS = { low: 5, normal: 3.5, high: 2.5 } as const;
/** Finds points that deviate from their trend and season. */
export const detectAnomalies = defineTool({
  name: "analytics_detect_anomalies",
  title: "Detect anomalies",
  effect: "read",
  costly: true,
  scope: "analytics:read",
  view: chartView,
  description:
    "Finds the runs of days (hours, weeks …) on which a metric was out of line with its trend and season, in the whole and inside regions, channels, products …, ranked by what they cost. Then ask analytics_compare for the cause.",
  input: z.object({
    metric: metricField,
    period: periodField.optional().describe("As in analytics_query; default last_90_days"),
    grain: bucketField.describe("Length of a point"),
    by: dimensionField
      .optional()
      .describe(`Looks at its ${MEMBERS} largest members alone; left out: at the whole and all cuts`),
    ...selectionFields,
    sensitivity: z.enum(["low", "normal", "high"]).default("normal").describe("High finds more"),
    limit: countField(100).default(10).describe("What cost most first"),
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
    cost_unit: z.string().describe("What cost counts"),
    anomalies: z.array(
      z.object({
        at: z.string().describe("First bucket"),
        until: z.string().optional().describe("Last bucket, where it is a run"),
        metric: z.string().optional().describe("Where it is a step on the way to the metric"),
        dimension: z.string().optional(),
        member: z.string().optional(),
        value: z.number().describe("Of the whole run"),
        expected: z.number(),
        usual: z.array(z.number()).describe("From, to"),
        score: z.number().describe("Robust standard deviations"),
        cost: z.number().describe("Below 0: a gain"),
        why: z.string(),
        also: z.array(z.string()).optional().describe("Other cuts in which the same shows"),
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
    const looks = await readLooks({ store, metric, grain, period, filters, by: dimension, now });
    const limit = LIMITS[input.sensitivity];
    const { asked, findings, cuts } = lookEverywhere(looks, metric, grain, limit, period);
    const incidents = groupFindings(findings);
    const [costliest] = incidents;
    const [only] = dimension === undefined ? asked : [];
    context.remember({ type: "metric", id: metric.name, label: metric.title });
    if (input.chart !== "none" && !only) question.notes.push("A picture needs one series: leave out by.");
    if (period.to > toDay(now)) question.notes.push(`The running ${grain} was left out.`);
    if (cuts > 0) question.notes.push(`Also looked inside: ${cuts} series of members and steps.`);
    return withNotes(
      {
        metric: metric.name,
        unit: metric.unit,
        ...presentSource(fact),
        period: formatPeriod(period),
        grain,
        checked: asked.reduce((sum, { checked }) => sum + checked, 0),
        found: incidents.length,
        cost_unit: costUnit(metric),
        anomalies: incidents.slice(0, input.limit).map((incident) => describe(incident, metric, grain)),
        ...(input.chart !== "none" && only && { series: only.band }),
        method:
          "Running median as trend, median of each phase as season, on the metric's own scale; runs by their sum. Out of line is " +
          `a score beyond ${limit} (Iglewicz and Hoaglin), more where many series are looked at.`,
        ...(costliest && grain === "day" && { next: suggestComparison(costliest) }),
      },
      question.notes,
    );
  },
});

function describe(incident: Incident, metric: Metric, grain: Grain) {
  const { buckets, dimension, member, value, expected, low, high, score, cost, also } = incident;
  const [at = "", until = ""] = [buckets[0], buckets.at(-1)];
  return {
    at,
    ...(until !== at && { until }),
    ...(incident.metric !== metric.name && { metric: incident.metric }),
    ...(dimension && { dimension }),
    ...(member && { member }),
    ...{ value, expected, usual: [low, high], score, cost },
    why: explain(incident, grain),
    ...(also.length > 0 && { also: also.slice(0, 5).map((place) => namePlace(place, incident.metric)) }),
  };
}

function namePlace({ metric, dimension, member }: Place, main: string): string {
  const where = dimension === undefined ? "the whole" : `${dimension} ${member}`;
  return metric === main ? where : `${metric} of ${where}`;
}

function explain({ buckets, value, expected, low, high }: Incident, grain: Grain): string {
  const percent = expected === 0 ? "" : `${Math.abs(Math.round(((value - expected) / expected) * 100))} % `;
  const side = value < expected ? "below" : "above";
  const show = (figure: number) => figure.toLocaleString("en", { maximumFractionDigits: 2 });
  const [at = ""] = buckets;
  const when = buckets.length > 1 ? `these ${buckets.length} ${grain}s` : nameMoment(at, grain);
  return `${percent}${side} the ${show(expected)} expected for ${when}; usual is ${show(low)} to ${show(high)}.`;
}

const WEEKDAY = new Intl.DateTimeFormat("en", { weekday: "long", timeZone: "UTC" });
const MONTH = new Intl.DateTimeFormat("en", { month: "long", timeZone: "UTC" });

/** The phase of a bucket in its season, in words. */
function nameMoment(at: string, grain: Grain): string {
  if (grain === "day") return `a ${WEEKDAY.format(new Date(`${at}T00:00:00Z`))}`;
  if (grain === "month") return MONTH.format(new Date(`${at}-01T00:00:00Z`));
  if (grain === "hour") return `${at.slice(11, 16)} UTC`;
  return grain === "quarter" ? `a ${at.slice(5)}` : `this ${grain}`;
}

function suggestComparison({ metric, buckets, dimension, member }: Incident): string {
  const [first = "", last = ""] = [buckets[0], buckets.at(-1)];
  const span = (days: number) => {
    const [from, to] = [addDays(first, days), addDays(last, days)];
    return from === to ? from : `${from}..${to}`;
  };
  const inside = member === undefined ? "" : ` with filters {"${dimension}": "${member}"}`;
  return `For the cause: analytics_compare with metric ${metric}, period ${span(0)}, against ${span(-7)}, by region, then channel${inside}.`;
}
