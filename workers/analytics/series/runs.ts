import { median } from "d3-array";
import type { PointScore } from "./anomalies.ts";

/** Points one after the other that are out of line together; both places belong to it. */
export interface Run {
  first: number;
  last: number;
  /** Robust standard deviations of the run as a whole; its sign is the direction. */
  score: number;
}

/** From the median absolute value around zero to a standard deviation of normal values. */
const MAD_TO_SIGMA = 1.4826;
/** Ends of a run are themselves at least so far off, so that no usual day is added to a run. */
const END_SCORE = 1;
/** Windows of other lengths than one, for each point, that chance is given. */
const WINDOWS = 4;

/**
 * The limit that a score has to pass when many are looked at: `limit` holds for one series of single points; among so many more
 * chances the largest of normal values grows as √(limit² + 2 ln chances).
 */
function raiseLimit(limit: number, chances: number): number {
  return Math.sqrt(limit ** 2 + 2 * Math.log(Math.max(1, chances)));
}

/**
 * Finds runs of points on one side of what is expected whose sum is out of line, though each point alone may not be: the sum of
 * L scores over √L is a standard normal value (Stouffer 1949), here also divided by how much such sums scatter in this series,
 * so that neighbours that resemble each other are no news. The strongest comes first, and runs do not overlap.
 *
 * @param longest - points of a run at most
 * @param series - how many series are looked at in the same question
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

/** A point of a series that never changes has an endless score. */
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
