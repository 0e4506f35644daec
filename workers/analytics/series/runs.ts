import { median } from "d3-array";
import type { PointScore } from "./anomalies.ts";

/** Consecutive anomalous points; both indexes are inclusive. */
export interface Run {
  first: number;
  last: number;
  /** Robust standard deviations of the run as a whole; its sign is the direction. */
  score: number;
}

/** Converts a median absolute value around zero to a standard deviation of normal values. */
const MAD_TO_SIGMA = 1.4826;
/** Minimum score at the ends of a run, so that a run does not include usual days. */
const END_SCORE = 1;
/** Number of windows per point, other than length one, that count as chances. */
const WINDOWS = 4;

/**
 * Raises the limit of a score for many comparisons: `limit` holds for one series of single points; among more
 * chances the largest of normal values grows as √(limit² + 2 ln chances).
 */
function raiseLimit(limit: number, chances: number): number {
  return Math.sqrt(limit ** 2 + 2 * Math.log(Math.max(1, chances)));
}

/**
 * Finds runs of points on one side of the expected values whose sum is anomalous, even if each point alone is
 * not: the sum of L scores over √L is a standard normal value (Stouffer 1949), divided here by the scatter of
 * such sums in this series, to account for autocorrelation. The strongest comes first, and runs do not
 * overlap.
 *
 * @param longest - maximum number of points in a run
 * @param series - number of series in the same query
 */
export function findRuns(
  scores: readonly (PointScore | null)[],
  limit: number,
  longest: number,
  series = 1,
): Run[] {
  const points = scores.map((score) => (score === null ? null : bound(score.score)));
  const candidates: Run[] = [];
  for (let length = 1; length <= longest; length++) {
    const needed = raiseLimit(limit, series * (length === 1 ? 1 : WINDOWS));
    const sums = points.map((_, first) => addUp(points.slice(first, first + length), length));
    const spread = MAD_TO_SIGMA * (median(sums, (sum) => (sum === null ? null : Math.abs(sum))) ?? 0);
    for (const [first, sum] of sums.entries()) {
      const score = sum === null ? 0 : sum / (length === 1 ? 1 : Math.max(1, spread));
      const own = points.slice(first, first + length);
      if (Math.abs(score) > needed && isOneSided(own, Math.sign(score))) {
        candidates.push({ first, last: first + length - 1, score });
      }
    }
  }
  candidates.sort((a, b) => Math.abs(b.score) - Math.abs(a.score) || a.first - b.first);
  const kept: Run[] = [];
  for (const run of candidates) {
    if (kept.every(({ first, last }) => run.last < first || run.first > last)) kept.push(run);
  }
  return kept;
}

/** Limits the infinite score of a point in a constant series. */
function bound(score: number): number {
  return Math.sign(score) * Math.min(99, Math.abs(score));
}

function addUp(points: readonly (number | null)[], length: number): number | null {
  if (points.length < length || points.includes(null)) return null;
  return points.reduce<number>((sum, point) => sum + (point ?? 0), 0) / Math.sqrt(length);
}

function isOneSided(points: readonly (number | null)[], side: number): boolean {
  const along = points.map((point) => (point ?? 0) * side);
  return (
    along.every((point) => point > 0) && (along[0] ?? 0) >= END_SCORE && (along.at(-1) ?? 0) >= END_SCORE
  );
}
