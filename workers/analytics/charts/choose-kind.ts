import { MEASURES } from "../measures.ts";
import type { Metric } from "../semantic-layer.ts";
import type { Chart } from "./chart.ts";

/** Chart kinds that a caller can request. */
export const WANTED = ["none", "auto", "line", "bar", "stacked"] as const;

/**
 * The requested kind of chart, where it is valid: lines need time, and only sums can be stacked, because
 * distinct counts and percentages do not add up. `undefined` leaves the choice to the chart.
 */
export function chooseKind(
  wanted: (typeof WANTED)[number],
  metric: Metric,
  isTime: boolean,
  notes: string[],
): Exclude<Chart["kind"], "heat"> | undefined {
  if (wanted === "none" || wanted === "auto" || (wanted === "line" && !isTime)) return undefined;
  const adds = metric.denominator === undefined && MEASURES[metric.numerator].adds === "sum";
  if (wanted !== "stacked" || adds) return wanted;
  notes.push(`Parts of ${metric.name} do not add up, so they are not stacked.`);
  return undefined;
}
