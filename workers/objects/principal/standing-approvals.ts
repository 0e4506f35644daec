import type { StandingEvent } from "../../../shared/audit/record.ts";
import type { ApprovalRequest } from "../../../shared/objects/approval-gate.ts";
import {
  type ArgumentBound,
  type CoveredCall,
  coversCall,
  type StandingApproval,
  type StandingRequest,
  type StandingResult,
} from "../../../shared/objects/standing-approval.ts";
import type { StoredApproval } from "./approval-store.ts";
import type { AuditTrail } from "./audit-trail.ts";
import { StandingStore } from "./standing-store.ts";

/** Most standing approvals of one user that have not ended. */
const MOST_IN_FORCE = 20;

const DAY_MS = 24 * 60 * 60_000;

/** Who is involved in a call: the requester's role, and the approver whose state is known. */
interface Involved {
  roleRevision: number;
  approver: { id: string } | null;
}

/**
 * The standing approvals of one user's apps. Like `Approvals`, every method runs without `await`, so of many calls at once
 * exactly as many get one as it has left.
 */
export class StandingApprovals {
  readonly #store: StandingStore;
  readonly #trail: AuditTrail;

  constructor(sql: SqlStorage, trail: AuditTrail) {
    this.#store = new StandingStore(sql);
    this.#trail = trail;
  }

  read(id: string): StandingApproval | null {
    return this.#store.read(id);
  }

  /** The standing approval that covers a call and ends first; `undefined` when none does. */
  find(claim: ApprovalRequest, roleRevision: number, now: number): StandingApproval | undefined {
    // A call that needs the permission of another tool too is for a person.
    if ((claim.binding.alsoFor ?? []).length > 0) return undefined;
    const call = describeCall(claim, roleRevision);
    return this.#store.list().find((standing) => coversCall(standing, call, now));
  }

  /** Whether one of the approver whose state is known covers the call. */
  mayCover(claim: ApprovalRequest, { roleRevision, approver }: Involved, now: number): boolean {
    const found = this.find(claim, roleRevision, now);
    return found !== undefined && found.by === approver?.id;
  }

  /** Uses a standing approval for one call. `null` when none of the approver whose state is known covers it. */
  use(claim: ApprovalRequest, involved: Involved, now: number): StandingApproval | null {
    const found = this.find(claim, involved.roleRevision, now);
    if (found === undefined || found.by !== involved.approver?.id) return null;
    const used = { ...found, used: found.used + 1 };
    this.#store.write(used);
    return used;
  }

  /** Makes one from a waiting request, within what its rule allows. */
  make(
    { id, by, bounds, calls, until }: StandingRequest,
    { binding, requester, standing: allowed = null, digests }: StoredApproval,
    roleRevision: number,
    now: number,
  ): StandingResult {
    if (this.#store.read(id) !== null) return "closed";
    if (allowed === null || digests === undefined || (binding.alsoFor ?? []).length > 0) return "wider";
    const isWithin = Number.isInteger(calls) && calls >= 1 && calls <= allowed.calls;
    if (!isWithin || !(until > now && until <= now + allowed.days * DAY_MS)) return "wider";
    if (Object.keys(bounds).some((name) => !Object.hasOwn(digests, name))) return "wider";
    this.#store.forget(now);
    const inForce = this.#store.list().filter((one) => one.revokedAt === null && one.until > now);
    if (inForce.length >= MOST_IN_FORCE) return "full";
    const { clientId, grantId, server, tool, rule, policyDigest } = binding;
    const standing: StandingApproval = {
      ...{
        id,
        requester,
        clientId,
        grantId,
        server,
        tool,
        rule,
        policyDigest,
        roleRevision,
        by,
        calls,
        until,
      },
      bounds: Object.fromEntries(
        Object.entries(digests).map(([name, digest]): [string, ArgumentBound] => {
          const given = Object.hasOwn(bounds, name) ? bounds[name] : undefined;
          return [name, given ?? { kind: "same", digest }];
        }),
      ),
      madeAt: now,
      used: 0,
      revokedAt: null,
    };
    this.#store.write(standing);
    this.#record(standing, "made", by, now);
    return "made";
  }

  /** Ends one. Returns whether it was there and not revoked. */
  revoke(id: string, by: string, now: number): boolean {
    const found = this.#store.read(id);
    if (found === null || found.revokedAt !== null) return false;
    this.#store.write({ ...found, revokedAt: now });
    this.#record(found, "revoked", by, now);
    return true;
  }

  /** Revokes all that are in force. */
  revokeAll(by: string, now: number): void {
    for (const { id, until } of this.#store.list()) if (until > now) this.revoke(id, by, now);
  }

  #record(standing: StandingApproval, change: StandingEvent["change"], by: string, now: number): void {
    const { id: standingId, clientId, server, tool, rule, policyDigest, calls, until } = standing;
    const bounds = Object.fromEntries(
      Object.entries(standing.bounds).map(([name, bound]) => [name, describeBound(bound)]),
    );
    const what = { standingId, by, clientId, server, tool, rule, policyDigest, calls, until, bounds };
    this.#trail.record(standing.requester, { type: "standing_approval", change, ...what }, now);
  }
}

function describeCall(claim: ApprovalRequest, roleRevision: number): CoveredCall {
  const { clientId, grantId, server, tool, rule, policyDigest } = claim.binding;
  const { standing: allowed = null, numbers = {}, shown } = claim;
  return {
    ...{ clientId, grantId, server, tool, rule, policyDigest },
    ...{ roleRevision, allowed, numbers, digests: shown.digests },
  };
}

function describeBound(bound: ArgumentBound): string {
  return bound.kind === "range" ? `${bound.least} to ${bound.most}` : bound.kind;
}
