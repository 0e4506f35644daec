import { mean, sum } from "d3-array";
import { addDays } from "../days.ts";

/** Yearly factor of a day: 1.2 is a fifth more than a usual day. */
export type YearFactor = (day: string) => number;

/** Days of two whole years, in weeks: less history cannot separate season from growth. */
export const TWO_YEARS = 728;
const WEEK = 7;
const YEAR_DAYS = 365.25;
/** Number of yearly harmonics; twice as many coefficients, one per month. */
const WAVES = 6;

/**
 * Estimates the yearly season of a series of days: a least-squares model explains the logarithm of each
 * week's mean by growth and by the time of the year, once with twelve months and once with six harmonics; the
 * one that explains more is kept. Returns `undefined` for fewer than `least` days, and where a week is empty.
 */
export function estimateYear(
  values: readonly number[],
  firstDay: string,
  least = TWO_YEARS,
): YearFactor | undefined {
  if (values.length < least) return undefined;
  const days = values.map((_, index) => addDays(firstDay, index));
  const middles = Array.from({ length: values.length - WEEK + 1 }, (_, start) => start);
  const means = middles.map((start) => mean(values.slice(start, start + WEEK)) ?? 0);
  if (!means.every((value) => value > 0)) return undefined;
  const logs = means.map(Math.log);
  const tried = [listMonths, listWaves].map((describe) => {
    const single = days.map(describe);
    // The dependent variable is a mean of seven days, so the explanatory variables are too.
    const rows = middles.map((start) => [
      1,
      start / YEAR_DAYS,
      ...meanRow(single.slice(start, start + WEEK)),
    ]);
    const weights = solveLeastSquares(rows, logs);
    const misses = rows.map((row, index) => ((logs[index] ?? 0) - dot(row, weights)) ** 2);
    return { describe, weights: weights.slice(2), miss: sum(misses) };
  });
  const [first, second] = tried;
  const best = first && second && first.miss <= second.miss ? first : second;
  if (!best?.weights.every(Number.isFinite)) return undefined;
  const effectOf = (day: string) => dot(best.describe(day), best.weights);
  const usual = mean(Array.from({ length: 365 }, (_, day) => effectOf(addDays("2025-01-01", day)))) ?? 0;
  return (day) => Math.exp(effectOf(day) - usual);
}

/** Eleven month indicators (0 or 1); December has none. */
function listMonths(day: string): number[] {
  const month = Number(day.slice(5, 7));
  return Array.from({ length: 11 }, (_, index) => (index + 1 === month ? 1 : 0));
}

function listWaves(day: string): number[] {
  const start = Date.parse(`${day.slice(0, 4)}-01-01T00:00:00Z`);
  const angle = (2 * Math.PI * (Date.parse(`${day}T00:00:00Z`) - start)) / (YEAR_DAYS * 86_400_000);
  return Array.from({ length: WAVES }, (_, wave) => [
    Math.sin(angle * (wave + 1)),
    Math.cos(angle * (wave + 1)),
  ]).flat();
}

function meanRow(rows: readonly number[][]): number[] {
  return (rows[0] ?? []).map((_, column) => mean(rows, (row) => row[column] ?? 0) ?? 0);
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((total, value, index) => total + value * (b[index] ?? 0), 0);
}

/** Least-squares weights, by the normal equations and elimination; a small ridge keeps them solvable. */
function solveLeastSquares(rows: readonly number[][], wanted: readonly number[]): number[] {
  const width = rows[0]?.length ?? 0;
  const columns = Array.from({ length: width }, (_, column) => rows.map((row) => row[column] ?? 0));
  const table = columns.map((column, at) => [
    ...columns.map((other, place) => dot(column, other) + (place === at ? 1e-9 : 0)),
    dot(column, wanted),
  ]);
  for (let pivot = 0; pivot < width; pivot++) {
    const own = table[pivot] ?? [];
    for (const [at, row] of table.entries()) {
      if (at === pivot) continue;
      const share = (row[pivot] ?? 0) / (own[pivot] ?? 1);
      for (let place = pivot; place <= width; place++)
        row[place] = (row[place] ?? 0) - share * (own[place] ?? 0);
    }
  }
  return table.map((row, at) => (row[width] ?? 0) / (row[at] ?? 1));
}
