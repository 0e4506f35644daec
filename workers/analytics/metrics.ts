import { divideToTicks } from "./amounts.ts";
import { FACTS, type FactName } from "./facts.ts";
import type { Grain } from "./grains.ts";
import { MEASURES, type MeasureName, type Parts } from "./measures.ts";
import type { Metric, Unit } from "./semantic-layer.ts";

/**
 * Conversion of measures to the unit: value = numerator × times ÷ (denominator × by), and the decimals shown.
 */
const UNITS = {
  USD: { times: 1, by: 100, decimals: 2 },
  percent: { times: 100, by: 1, decimals: 2 },
  count: { times: 1, by: 1, decimals: 0 },
} as const satisfies Record<Unit, { times: number; by: number; decimals: number }>;

/** The fact that a metric measures. */
export function factOf(metric: Metric): FactName {
  return MEASURES[metric.numerator].fact;
}

/** Dimensions of a metric. */
export function dimensionsOf(metric: Metric): readonly string[] {
  return FACTS[factOf(metric)].dimensions;
}

/** Time buckets of a metric. */
export function grainsOf(metric: Metric): readonly Grain[] {
  return FACTS[factOf(metric)].grains;
}

/** Measures of a metric. */
export function measuresOf(metric: Metric): MeasureName[] {
  return metric.denominator ? [metric.numerator, metric.denominator] : [metric.numerator];
}

/** Decimals shown; a tick is 10^-decimals of the unit. */
export function decimalsOf(metric: Metric): number {
  return metric.decimals ?? UNITS[metric.unit].decimals;
}

/** The metric's value in ticks, exactly rounded; `null` where the denominator is 0. */
export function computeTicks(metric: Metric, parts: Parts): number | null {
  const { times, by } = UNITS[metric.unit];
  const denominator = metric.denominator ? (parts[metric.denominator] ?? 0) : 1;
  return divideToTicks(parts[metric.numerator] ?? 0, denominator * by, times, decimalsOf(metric));
}

/** Ticks per unit of numerator ÷ denominator: converts a quotient of measures to unrounded ticks. */
export function ticksPerQuotient(metric: Metric): number {
  const { times, by } = UNITS[metric.unit];
  return (times / by) * 10 ** decimalsOf(metric);
}

/** SQL that orders groups by the metric's value; NULL where the denominator is 0. */
export function rankSql(metric: Metric): string {
  const numerator = MEASURES[metric.numerator].sql;
  return metric.denominator
    ? `1.0 * ${numerator} / nullif(${MEASURES[metric.denominator].sql}, 0)`
    : numerator;
}
