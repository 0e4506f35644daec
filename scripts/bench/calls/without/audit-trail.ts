import type { Link } from "../../../../shared/audit/chain.ts";
import type * as original from "../../../../workers/principal/audit-trail.ts";

/** Keeps no record. */
export class AuditTrail implements Pick<original.AuditTrail, keyof original.AuditTrail> {
  open(): void {}

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

  confirm(): void {}

  nextMoment(): number | null {
    return null;
  }
}
