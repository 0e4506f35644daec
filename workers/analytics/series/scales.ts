import { MEASURES } from "../measures.ts";
import { factOf } from "../metrics.ts";
import type { Metric } from "../semantic-layer.ts";
import type { Series } from "./read-series.ts";

/** A scale on which the points of a metric scatter alike, whatever their level. */
export interface Scale {
  to(value: number, index: number): number;
  /** Back; never outside of what the metric can be. */
  from(point: number, index: number): number;
  /** What chance alone does to a point of a series, on this scale: a standard deviation at least. */
  leastSigma(index: number): number;
}

/** Keeps the variance of small counts alike as well (Anscombe: Biometrika 35, 1948). */
const ANSCOMBE = 3 / 8;

/** Whether a metric counts events of the shop, or is a part of such a count: then it is known how chance moves it. */
export function countsEvents(metric: Metric): boolean {
  return !metric.numerator.endsWith("_cents") && factOf(metric) === "commerce";
}

/**
 * The scale of a metric. Counts: the square root, on which a Poisson count has a standard deviation of 1/2 whatever its level.
 * Parts of a count: the arcsine of the root, 1 / (2 √n) (both with Anscombe's shift, which helps small ones). Money: the
 * cube root, on which sums of amounts of many sizes are nearly normal (Wilson and Hilferty 1931). So no bound lies below zero,
 * and none of a part above 100 %. What is negative somewhere stays as it is.
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

/** Whether the value is a part or an average of something that varies itself, and not the same for every part. */
export function dividesByCount({ denominator }: Metric): boolean {
  return denominator !== undefined && MEASURES[denominator].adds !== "shared";
}
