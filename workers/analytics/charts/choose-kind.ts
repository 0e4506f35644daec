import { MEASURES } from "../measures.ts";
import type { Metric } from "../semantic-layer.ts";
import type { Chart } from "./chart.ts";

/** How a person may want metrics drawn. */
export const WANTED = ["none", "auto", "line", "bar", "stacked"] as const;

/**
 * The kind of chart that was asked for, where it tells the truth: lines need time, and only sums can be stacked, because
 * the whole of different people or of percentages is not the sum of its parts. `undefined` leaves it to the chart.
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
