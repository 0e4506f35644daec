import type { Link } from "../../../../shared/audit/chain.ts";
import type * as original from "../../../../workers/objects/principal/audit-trail.ts";

/** Keeps no record. */
export class AuditTrail implements Pick<original.AuditTrail, keyof original.AuditTrail> {
  readLimits(): original.LimitMemory {
    return { passed: [], places: [], use: { day: 0, units: 0 } };
  }

  transaction<T>(work: () => T): T {
    return work();
  }

  open(): void {}

  refuse(): void {}

  close(): void {}

  record(): void {}

  recordOnce(): void {}

  closeOverdue(): string[] {
    return [];
  }

  unsent(): Link[] {
    return [];
  }

  unstored(): Link[] {
    return [];
  }

  markSent(): void {}

  confirm(): number | null {
    return null;
  }

  forgetConfirmed(): void {}

  sweep(): void {}

  nextMoment(): number | null {
    return null;
  }
}
