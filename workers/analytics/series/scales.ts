import { MEASURES } from "../measures.ts";
import { factOf } from "../metrics.ts";
import type { Metric } from "../semantic-layer.ts";
import type { Series } from "./read-series.ts";

/** A scale with constant scatter, whatever the level of the metric. */
export interface Scale {
  to(value: number, index: number): number;
  /** Inverse; stays within the metric's valid range. */
  from(point: number, index: number): number;
  /** Standard deviation of a point by chance alone, on this scale: a lower bound. */
  leastSigma(index: number): number;
}

/** Stabilises the variance of small counts as well (Anscombe: Biometrika 35, 1948). */
const ANSCOMBE = 3 / 8;

/**
 * Whether a metric counts shop events, or is a part of such a count: then its distribution by chance is
 * known.
 */
export function countsEvents(metric: Metric): boolean {
  return !metric.numerator.endsWith("_cents") && factOf(metric) === "commerce";
}

/**
 * The scale of a metric. Counts: the square root, on which a Poisson count has a standard deviation of 1/2
 * whatever its level. Proportions: the arcsine of the root, 1 / (2 √n) (both with Anscombe's shift, which
 * helps small ones). Money: the cube root, on which sums of amounts of many sizes are nearly normal (Wilson
 * and Hilferty 1931). So no bound lies below zero, and none of a proportion above 100 %. Series with negative
 * values stay unscaled.
 */
export function chooseScale(metric: Metric, { values, denominators }: Series): Scale {
  const known = values.filter((value) => value !== null);
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const top = metric.unit === "percent" && most <= 100 ? 100 : Number.POSITIVE_INFINITY;
  if (least < 0) {
    return { to: (value) => value, from: (point) => Math.min(top, point), leastSigma: () => 0 };
  }
  if (!countsEvents(metric)) {
    const from = (point: number) => Math.min(top, Math.max(0, point) ** 3);
    return { to: Math.cbrt, from, leastSigma: () => 0 };
  }
  if (metric.unit === "percent" && top === 100) {
    const sizeOf = (index: number) => Math.max(1, denominators[index] ?? 0);
    return {
      to: (value, index) => {
        const size = sizeOf(index);
        return Math.asin(Math.sqrt(((value / 100) * size + ANSCOMBE) / (size + 2 * ANSCOMBE)));
      },
      from: (point, index) => {
        const size = sizeOf(index);
        const part = Math.sin(Math.min(Math.PI / 2, Math.max(0, point))) ** 2;
        return 100 * Math.min(1, Math.max(0, (part * (size + 2 * ANSCOMBE) - ANSCOMBE) / size));
      },
      leastSigma: (index) => 0.5 / Math.sqrt(sizeOf(index) + 0.5),
    };
  }
  const isCount = metric.denominator === undefined;
  const shift = isCount ? ANSCOMBE : 0;
  return {
    to: (value) => Math.sqrt(value + shift),
    from: (point) => Math.max(0, Math.max(0, point) ** 2 - shift),
    leastSigma: () => (isCount ? 0.5 : 0),
  };
}

/** Whether the value is a proportion or an average with a denominator that varies. */
export function dividesByCount({ denominator }: Metric): boolean {
  return denominator !== undefined && MEASURES[denominator].adds !== "shared";
}
