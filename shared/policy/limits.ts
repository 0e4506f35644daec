/** How much one person's apps may do. Every number is at least 1. */
export interface LimitRules {
  /** Calls of one app within any minute. */
  callsPerClient: number;
  /** Calls of one costly tool within any minute, whichever app makes them. */
  callsPerCostlyTool: number;
  /** Calls of all of the person's apps together within any minute. */
  callsPerUser: number;
  /** Calls that run at the same time. */
  concurrentCalls: number;
  /** Units that all calls of one UTC day may use. */
  unitsPerDay: number;
  /** Units that a call of a costly tool uses; every other call uses 1. */
  costlyUnits: number;
}

/** The limits of every person. A tool is costly when its definition says `costly: true`. */
export const LIMITS: LimitRules = {
  callsPerClient: 100,
  callsPerCostlyTool: 10,
  callsPerUser: 300,
  concurrentCalls: 20,
  unitsPerDay: 10_000,
  costlyUnits: 10,
};
