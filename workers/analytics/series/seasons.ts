import type { Grain } from "../grains.ts";

/** Number of buckets in a cycle: a week of days, a day of hours, a year of months or quarters; 1 for none. */
const CYCLES: Readonly<Partial<Record<Grain, number>>> = { hour: 24, day: 7, month: 12, quarter: 4 };

/**
 * Length of the season that a series with this number of points can show; 1 if it has less than `cycles`
 * cycles.
 */
export function seasonOf(grain: Grain, points: number, cycles = 2): number {
  const season = CYCLES[grain] ?? 1;
  return points >= season * cycles ? season : 1;
}
