import type { LimitsDocument, PolicyDocument, RoleDocument } from "./schema.ts";

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

/** The limits of a role: those of everyone, with its own in their place. A tool is costly when its definition says so. */
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

/** The limits of single tools, for all people together: calls within any minute. */
export function compileToolLimits(limits: PolicyDocument["tool_limits"] = {}): ReadonlyMap<string, number> {
  return new Map(Object.entries(limits).map(([tool, { calls_per_minute }]) => [tool, calls_per_minute]));
}
