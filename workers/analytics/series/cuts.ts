import { FACTS } from "../facts.ts";
import type { Grain } from "../grains.ts";
import { MEASURES } from "../measures.ts";
import { factOf, measuresOf } from "../metrics.ts";
import { METRICS, type Metric } from "../semantic-layer.ts";

/** Cuts that are looked into without being asked: all of them are answered from tables of sums. */
const CUTS = ["region", "country", "segment", "channel", "category", "product", "sector"] as const;
/** Cuts by which different people are counted without reading events (migration 0003). */
const PEOPLE_CUTS: readonly string[] = ["region", "segment", "channel"];

/** Steps on the way to an order. A fault in one shows there first, where it is not hidden by how many came. */
const STEPS = ["checkout_completion", "cart_rate"];
const MADE_OF_ORDERS: readonly string[] = [
  "revenue",
  "net_revenue",
  "gross_profit",
  "orders",
  "units",
  "conversion_rate",
];

/** The dimensions that a metric is looked into by. Hours are summed up by region alone. */
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

/** The rates of the steps that a metric is the outcome of. */
export function stepsBefore({ name }: Metric): Metric[] {
  return MADE_OF_ORDERS.includes(name) ? METRICS.filter((metric) => STEPS.includes(metric.name)) : [];
}
