import type * as limits from "../../../../shared/policy/limits.ts";

/** Stands in for the limits of a deployment: a bench makes more calls in a second than people do in an hour. */
export const LIMITS: typeof limits.LIMITS = {
  callsPerClient: 100_000,
  callsPerCostlyTool: 100_000,
  callsPerUser: 100_000,
  concurrentCalls: 1_000,
  unitsPerDay: 1_000_000_000,
  costlyUnits: 1,
};
