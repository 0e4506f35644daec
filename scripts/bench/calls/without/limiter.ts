import type { Taken } from "../../../../workers/objects/principal/audit-trail.ts";
import type * as original from "../../../../workers/objects/principal/limiter.ts";

/** Lets everything through and counts nothing. */
export class Limiter implements Pick<original.Limiter, keyof original.Limiter> {
  take(_call: original.LimitedCall, now: number): { taken: Taken } {
    return { taken: { at: now, costlyTool: null, leaseMs: 0, use: { day: 0, units: 0 } } };
  }

  release(): void {}

  get running(): number {
    return 1;
  }
}
