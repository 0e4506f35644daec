import { FACTS } from "../facts.ts";
import type { Grain } from "../grains.ts";
import { MEASURES } from "../measures.ts";
import { factOf, measuresOf } from "../metrics.ts";
import { METRICS, type Metric } from "../semantic-layer.ts";

/** Dimensions searched by default: tables of sums answer all of them. */
const CUTS = ["region", "country", "segment", "channel", "category", "product", "sector"] as const;
/** Dimensions with distinct counts that need no events (migration 0003). */
const PEOPLE_CUTS: readonly string[] = ["region", "segment", "channel"];

/** Steps towards an order. A fault shows first in its step, where the number of visitors does not hide it. */
const STEPS = ["checkout_completion", "cart_rate"];
const MADE_OF_ORDERS: readonly string[] = [
  "revenue",
  "net_revenue",
  "gross_profit",
  "orders",
  "units",
  "conversion_rate",
];

/** Dimensions to search for a metric. Sums by hour exist by region alone. */
export function cutsOf(metric: Metric, grain: Grain): string[] {
  const dimensions: readonly string[] = FACTS[factOf(metric)].dimensions;
  const countsPeople = measuresOf(metric).some((name) => MEASURES[name].adds === "distinct");
  return CUTS.filter(
    (cut) =>
      dimensions.includes(cut) &&
      (grain !== "hour" || cut === "region") &&
      (!countsPeople || PEOPLE_CUTS.includes(cut)),
  );
}

/** The rates of the steps that lead to a metric. */
export function stepsBefore({ name }: Metric): Metric[] {
  return MADE_OF_ORDERS.includes(name) ? METRICS.filter((metric) => STEPS.includes(metric.name)) : [];
}
