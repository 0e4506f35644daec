import type { LimitsDocument, PolicyDocument, RoleDocument } from "./schema.ts";

/** Limits of one user's apps. Every number is at least 1. */
export interface LimitRules {
  /** Calls of one app per minute. */
  callsPerClient: number;
  /** Calls of one costly tool per minute, from all apps. */
  callsPerCostlyTool: number;
  /** Calls of all the user's apps together per minute. */
  callsPerUser: number;
  /** Calls that run at the same time. */
  concurrentCalls: number;
  /** Units that all calls of one UTC day may use. */
  unitsPerDay: number;
  /** Units of a costly call; every other call uses 1. */
  costlyUnits: number;
}

/**
 * Limits of a role: its own, completed by the general ones. A tool's definition says whether it is costly.
 */
export function compileLimits(everyone: LimitsDocument, own: RoleDocument["limits"]): LimitRules {
  return {
    callsPerClient: own?.calls_per_client ?? everyone.calls_per_client,
    callsPerCostlyTool: own?.calls_per_costly_tool ?? everyone.calls_per_costly_tool,
    callsPerUser: own?.calls_per_user ?? everyone.calls_per_user,
    concurrentCalls: own?.concurrent_calls ?? everyone.concurrent_calls,
    unitsPerDay: own?.units_per_day ?? everyone.units_per_day,
    costlyUnits: own?.costly_units ?? everyone.costly_units,
  };
}

/** Limits of one person's subscriptions to events. */
export interface EventLimits {
  subscriptions: number;
  deliveriesPerMinute: number;
}

/** {@link compileLimits} for events. */
export function compileEventLimits(everyone: LimitsDocument, own: RoleDocument["limits"]): EventLimits {
  return {
    subscriptions: own?.event_subscriptions ?? everyone.event_subscriptions ?? 50,
    deliveriesPerMinute: own?.event_deliveries_per_minute ?? everyone.event_deliveries_per_minute ?? 600,
  };
}

/** Limits of single tools, for all users together: calls per minute. */
export function compileToolLimits(limits: PolicyDocument["tool_limits"] = {}): ReadonlyMap<string, number> {
  return new Map(Object.entries(limits).map(([tool, { calls_per_minute }]) => [tool, calls_per_minute]));
}
