import type { Grain } from "../../../workers/analytics/grains.ts";
import { measuresOf } from "../../../workers/analytics/metrics.ts";
import { parsePeriod } from "../../../workers/analytics/periods.ts";
import { METRICS, type Metric } from "../../../workers/analytics/semantic-layer.ts";
import { aggregate } from "../../../workers/analytics/store/aggregate.ts";
import { countCohorts } from "../../../workers/analytics/store/cohorts.ts";
import { countEvents, countFunnel, MAX_FUNNEL_EVENTS } from "../../../workers/analytics/store/funnel.ts";
import { readCoverage } from "../../../workers/analytics/store/reference.ts";

/** One query of a tool to the store. */
export interface Question {
  title: string;
  /** `sums`: reads the tables of sums, independent of the number of events. `events`: reads each event. */
  reads: "sums" | "events";
  /** Returns `false` where the tool would require a shorter period. */
  ask(db: D1Database): Promise<unknown>;
}

/** Queries of dashboards and analysts, about the two years before `asOf`. */
export function listQuestions(asOf: Date): Question[] {
  const spanOf = (period: string) => {
    const { from, to } = parsePeriod(period, asOf);
    return { from, to };
  };
  const query = (
    title: string,
    names: readonly string[],
    period: string,
    cut: { dimensions?: string[]; grain?: Grain; reads?: Question["reads"] } = {},
  ): Question => {
    const metrics = names.map((name) => METRICS.find((metric) => metric.name === name) as Metric);
    const measures = [...new Set(metrics.flatMap(measuresOf))];
    const { dimensions = [], grain = "total", reads = "sums" } = cut;
    const selection = {
      fact: "commerce" as const,
      measures,
      ...spanOf(period),
      filters: [],
      dimensions,
      grain,
    };
    const top = { count: 20, by: metrics[0] as Metric, ascending: false };
    return { title, reads, ask: (db) => aggregate(db, selection, top, 5_000) };
  };
  return [
    query("revenue, last 30 days", ["revenue", "orders"], "last_30_days"),
    query("revenue and conversion by day, last 90 days", ["revenue", "conversion_rate"], "last_90_days", {
      grain: "day",
    }),
    query("revenue by region and month, last year", ["revenue"], "last_year", {
      dimensions: ["region"],
      grain: "month",
    }),
    query("revenue by channel, last quarter", ["revenue", "conversion_rate"], "last_quarter", {
      dimensions: ["channel"],
    }),
    query("revenue by product, last quarter", ["revenue", "units"], "last_quarter", {
      dimensions: ["product"],
    }),
    query("orders by hour, last 7 days", ["orders"], "last_7_days", { grain: "hour" }),
    query("visitors, last 30 days", ["visitors"], "last_30_days"),
    query("visitors by region, last quarter", ["visitors"], "last_quarter", { dimensions: ["region"] }),
    query("customers by channel, last year", ["customers", "revenue_per_customer"], "last_year", {
      dimensions: ["channel"],
    }),
    { title: "first and last day of data", reads: "sums", ask: (db) => readCoverage(db, "commerce") },
    query("visitors by product, last 30 days", ["visitors"], "last_30_days", {
      dimensions: ["product"],
      reads: "events",
    }),
    {
      title: "funnel, last 30 days",
      reads: "events",
      ask: (db) => followShoppers(db, spanOf("last_30_days")),
    },
    {
      title: "funnel, two years",
      reads: "events",
      ask: (db) => followShoppers(db, { from: "2024-03-01", to: "2026-03-01" }),
    },
    {
      title: "retention of buyers, last 12 months",
      reads: "events",
      ask: (db) =>
        countCohorts(db, { kind: "order", grain: "month", ...spanOf("last_12_months"), filters: [] }),
    },
  ];
}

async function followShoppers(db: D1Database, span: { from: string; to: string }): Promise<unknown> {
  const steps = ["visit", "cart", "checkout", "order"];
  if ((await countEvents(db, steps, span.from, span.to)) > MAX_FUNNEL_EVENTS) return false;
  return countFunnel(db, { steps, ...span, days: 7, filters: [], by: undefined });
}
