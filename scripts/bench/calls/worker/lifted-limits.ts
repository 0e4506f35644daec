import type * as original from "../../../../shared/policy/limits.ts";

export type * from "../../../../shared/policy/limits.ts";

/** Replaces a deployment's limits: a bench makes more calls in a second than users do in an hour. */
export const compileLimits: typeof original.compileLimits = () => ({
  callsPerClient: 100_000,
  callsPerCostlyTool: 100_000,
  callsPerUser: 100_000,
  concurrentCalls: 1_000,
  unitsPerDay: 1_000_000_000,
  costlyUnits: 1,
});

/** Nor has a subscription. */
export const compileEventLimits: typeof original.compileEventLimits = () => ({
  subscriptions: 1_000,
  deliveriesPerMinute: 10_000_000,
});

/** No tool has a limit of its own. */
export const compileToolLimits: typeof original.compileToolLimits = () => new Map();
