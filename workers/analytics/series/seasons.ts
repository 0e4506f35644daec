import type { Grain } from "../grains.ts";

/** Buckets after which a series repeats: a week of days, a day of hours, a year of months or quarters; 1 for none. */
const CYCLES: Readonly<Partial<Record<Grain, number>>> = { hour: 24, day: 7, month: 12, quarter: 4 };

/** The length of the season that a series of so many points can show; two whole cycles at least, else 1. */
export function seasonOf(grain: Grain, points: number, cycles = 2): number {
  const season = CYCLES[grain] ?? 1;
  return points >= season * cycles ? season : 1;
}
