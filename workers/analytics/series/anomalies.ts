import { mean, median } from "d3-array";

/** Comparison of one point with its expected value. */
export interface PointScore {
  /** Value by trend and season. */
  expected: number;
  /** Usual range: a point outside is an anomaly. */
  low: number;
  high: number;
  /** Modified z-score of the residual; its sign is the direction. */
  score: number;
  /** Standard deviation behind the score. */
  sigma: number;
}

/** Converts a median absolute deviation to a standard deviation of normal values: 1 / Φ⁻¹(3/4). */
const MAD_TO_SIGMA = 1.4826;
/** Converts a mean absolute deviation to the same: √(π / 2). */
const MEAN_AD_TO_SIGMA = 1.2533;

/**
 * Scores each point of a series against trend and season. Uses medians throughout, so that outliers do not
 * mask themselves. The decomposition follows STL (Cleveland, Cleveland, McRae, Terpenning: J. Official
 * Statistics 6, 1990) with medians instead of loess: trend by a running median over two cycles, season by the
 * median of each phase, both refined once. The score is the modified z-score, residual ÷ (1.4826 × MAD);
 * Iglewicz and Hoaglin recommend 3.5 as the limit (How to Detect and Handle Outliers, ASQC 1993). Where more
 * than half of the residuals are equal, the mean absolute deviation replaces the MAD. `leastSigma` is the
 * standard deviation that chance alone gives a point with an expected value, so that two orders instead of
 * one are no anomaly. `width` is the number of points on either side that form the trend. Skips `null` points
 * (no value). Returns `undefined` for fewer than 8 values.
 */
export function scorePoints(
  values: readonly (number | null)[],
  season: number,
  limit: number,
  leastSigma: (expected: number, index: number) => number = () => 0,
  width = Math.max(season, 4),
): (PointScore | null)[] | undefined {
  const known = values.filter((value) => value !== null);
  if (known.length < 8) return undefined;
  let seasonal = values.map(() => 0);
  let trend = runMedian(values, width);
  for (let round = 0; round < 2 && season > 1; round++) {
    seasonal = spreadSeason(
      values.map((value, index) => (value === null ? null : value - (trend[index] ?? 0))),
      season,
    );
    trend = runMedian(
      values.map((value, index) => (value === null ? null : value - (seasonal[index] ?? 0))),
      width,
    );
  }
  const expected = values.map((_, index) => (trend[index] ?? 0) + (seasonal[index] ?? 0));
  const residuals = values.map((value, index) => (value === null ? null : value - (expected[index] ?? 0)));
  const present = residuals.filter((value) => value !== null);
  const middle = median(present) ?? 0;
  const usual = readSigma(present.map((value) => Math.abs(value - middle)));
  return residuals.map((residual, index) => {
    if (residual === null) return null;
    const centre = (expected[index] ?? 0) + middle;
    const distance = residual - middle;
    const sigma = Math.max(usual, leastSigma(centre, index));
    const score = sigma === 0 ? (distance === 0 ? 0 : Math.sign(distance) * Infinity) : distance / sigma;
    return { expected: centre, low: centre - limit * sigma, high: centre + limit * sigma, score, sigma };
  });
}

function readSigma(deviations: readonly number[]): number {
  const mad = median(deviations) ?? 0;
  return mad > 0 ? mad * MAD_TO_SIGMA : (mean(deviations) ?? 0) * MEAN_AD_TO_SIGMA;
}

/** Median of the points up to `width` before and after each, fewer at the ends. */
function runMedian(values: readonly (number | null)[], width: number): number[] {
  return values.map(
    (_, index) => median(values.slice(Math.max(0, index - width), index + width + 1)) ?? Number.NaN,
  );
}

/** The median of each phase, centred so that a whole season adds nothing. */
function spreadSeason(values: readonly (number | null)[], season: number): number[] {
  const phases = Array.from(
    { length: season },
    (_, phase) => median(values.filter((_value, index) => index % season === phase)) ?? 0,
  );
  const centre = mean(phases) ?? 0;
  return values.map((_, index) => (phases[index % season] ?? 0) - centre);
}
