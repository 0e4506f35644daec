import type { ApprovalEvent } from "../../../shared/audit/record.ts";
import { canonicalize, digestText } from "../../../shared/encoding/canonical-json.ts";
import type {
  ApprovalAnswer,
  ApprovalBinding,
  ApprovalDecision,
  ApprovalItem,
  ApprovalRequest,
  ApprovalState,
  DecisionResult,
} from "../../../shared/objects/approval-gate.ts";
import type { StandingRequest, StandingResult } from "../../../shared/objects/standing-approval.ts";
import { maskStored } from "../../../shared/redact/mask-stored.ts";
import { ApprovalStore, type StoredApproval } from "./approval-store.ts";
import type { AuditTrail } from "./audit-trail.ts";
import { StandingApprovals } from "./standing-approvals.ts";

/** Most open requests per user: more than an approver could read would not protect. */
const MOST_OPEN = 20;

/** Milliseconds that the clock may go back without effect: objects move between machines. */
const CLOCK_TOLERANCE_MS = 60_000;

type Step = ApprovalEvent extends infer Event
  ? Event extends ApprovalEvent
    ? Omit<Event, keyof Bound>
    : never
  : never;
type Bound = Pick<
  ApprovalEvent,
  "approvalId" | "clientId" | "server" | "tool" | "argumentsDigest" | "policyDigest" | "rule"
>;

/** Current state of the people involved in a request. */
export interface InvolvedStatus {
  /** Number of changes of the requester's role. */
  roleRevision: number;
  /** The approver, with a role of `null` if not active; `null` without an approval. */
  approver: { id: string; role: string | null } | null;
  /** Ids of the people who act for the requester with the grant of the call. */
  holders: readonly string[];
}

/**
 * The approvals of one user's apps. An approval fits one call: this user in this role, app, tool, these
 * arguments, their preview and this policy, as long as its approver is entitled, until it expires. It is
 * consumed in the same turn that returns it. Every method runs without `await`, so of fifty concurrent calls
 * exactly one gets it.
 *
 *     pending → approved → executed → returned        pending → refused        pending, approved → expired
 */
export class Approvals {
  readonly #store: ApprovalStore;
  readonly #trail: AuditTrail;
  readonly #isRevoked: (grantId: string) => boolean;
  readonly standing: StandingApprovals;
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(sql: SqlStorage, trail: AuditTrail, isRevoked: (grantId: string) => boolean) {
    this.#store = new ApprovalStore(sql);
    this.#trail = trail;
    this.#isRevoked = isRevoked;
    this.standing = new StandingApprovals(sql, trail);
  }

  /** The approver of exactly this call, or of such calls in advance; `null` without an approval. */
  approverOf(claim: ApprovalRequest, roleRevision: number, now: number): string | null {
    const current = this.#store.findUnfinished(bindingKey(claim.userId, claim.binding));
    if (current?.state === "approved") return current.decision?.by ?? null;
    if (current?.state === "refused") return null;
    return this.standing.find(claim, roleRevision, now)?.by ?? null;
  }

  /**
   * Consumes an approval for exactly this call; otherwise returns the obstacle or creates a request. `null`
   * if another person approved it than the one whose state was read: the caller then has to read it and ask
   * again.
   */
  claim(
    claim: ApprovalRequest,
    status: InvolvedStatus,
    now: number,
  ): Exclude<ApprovalAnswer, { state: "unavailable" | "access_ended" }> | null {
    const { roleRevision, approver } = status;
    this.endOthers(roleRevision, now);
    const { binding, callId, userId } = claim;
    const key = bindingKey(userId, binding);
    const current = this.#store.findUnfinished(key);
    switch (current?.state) {
      case "approved":
        if (current.decision?.by !== approver?.id) return null;
        if (!isEntitled(claim, status, current)) {
          this.#move(current, { type: "approval_expired" }, "expired", now);
          this.#store.update(current.id, { told: true });
          return { state: "approver_changed" };
        }
        this.#move(current, { type: "approval_executed", callId }, "executed", now, { callId });
        return { state: "approved" };
      case "pending":
        if (this.#useStanding(claim, status, current, now)) return { state: "approved" };
        return { state: "pending", approvalId: current.id, expiresAt: current.expiresAt };
      case "refused":
        this.#store.update(current.id, { told: true });
        return { state: "refused", reason: current.decision?.reason ?? null };
      case "expired":
        this.#store.update(current.id, { told: true });
        return { state: "expired" };
      default:
        return this.#askOrUse(claim, status, key, now);
    }
  }

  /** Lets a standing approval approve the call, or asks a person. */
  #askOrUse(claim: ApprovalRequest, status: InvolvedStatus, key: string, now: number) {
    const asked = this.#ask(claim, status, key, now);
    if (asked.state !== "pending" || !this.standing.mayCover(claim, status, now)) return asked;
    const found = this.#store.read(asked.approvalId);
    return found && this.#useStanding(claim, status, found, now) ? ({ state: "approved" } as const) : asked;
  }

  /** Approves a waiting request by a standing approval and uses it up in the same turn. Returns whether one covers it. */
  #useStanding(
    claim: ApprovalRequest,
    status: InvolvedStatus,
    waiting: StoredApproval,
    now: number,
  ): boolean {
    if (!isEntitled(claim, status, waiting)) return false;
    const used = this.standing.use(claim, status, now);
    if (used === null) return false;
    const decision = { by: used.by, granted: true, reason: null, at: now };
    this.#move(waiting, { type: "approval_granted", by: used.by, standing: used.id }, "approved", now, {
      decision,
    });
    const { callId } = claim;
    this.#move(waiting, { type: "approval_executed", callId }, "executed", now, { callId });
    return true;
  }

  /** Makes a standing approval from a waiting request, and approves that request. */
  makeStanding(request: StandingRequest, roleRevision: number, now: number): StandingResult {
    this.expire(now);
    const found = this.#store.read(request.approvalId);
    if (found === null) return "unknown";
    if (found.state !== "pending") return "closed";
    // Never by the requester, also where the rule lets them approve a single call.
    if (request.by === found.requester || isHolder(found, request.by)) return "own";
    if (found.binding.policyDigest !== request.policyDigest) return "policy_changed";
    if (this.#isRevoked(found.binding.grantId)) return "disconnected";
    const result = this.standing.make(request, found, roleRevision, now);
    if (result !== "made") return result;
    const { approvalId, by, policyDigest } = request;
    this.decide({ approvalId, by, granted: true, reason: null, policyDigest }, now);
    return "made";
  }

  /**
   * Applies a decision, once and before expiry. An approval needs the policy of the request, and is refused
   * to the requester unless the rule allows that, and to those who acted for the requester when it was asked.
   */
  decide({ approvalId, by, granted, reason, policyDigest }: ApprovalDecision, now: number): DecisionResult {
    this.expire(now);
    const found = this.#store.read(approvalId);
    if (found === null) return "unknown";
    if (found.state === "expired") return "expired";
    if (found.state !== "pending") return "closed";
    if (granted && by === found.requester && !found.selfApproval) return "own";
    if (granted && isHolder(found, by)) return "own";
    if (granted && found.binding.policyDigest !== policyDigest) return "policy_changed";
    if (granted && this.#isRevoked(found.binding.grantId)) return "disconnected";
    const decision = { by, granted, reason: maskStored(reason), at: now };
    const type = granted ? "approval_granted" : "approval_refused";
    this.#move(found, { type, by }, granted ? "approved" : "refused", now, { decision });
    return "recorded";
  }

  /**
   * A call has ended. An approval that it used stays used, however the call ended. Returns whether there was
   * one.
   */
  settle(callId: string, status: string, now: number): boolean {
    const found = this.#store.findByCall(callId);
    if (!found) return false;
    this.#move(found, { type: "approval_returned", callId, status }, "returned", now, { outcome: status });
    return true;
  }

  /** The call stopped before it changed anything and will run again: its approval becomes available again. */
  release(callId: string, now: number): void {
    const found = this.#store.findByCall(callId);
    if (!found) return;
    const step = { type: "approval_returned", callId, status: "input_required" } as const;
    this.#move(found, step, "approved", now, { callId: null });
  }

  read(approvalId: string, now: number): ApprovalItem | null {
    this.expire(now);
    const found = this.#store.read(approvalId);
    if (found === null) return null;
    const {
      id,
      callId: _call,
      touchedAt: _touched,
      roleRevision: _revision,
      digests: _digests,
      ...item
    } = found;
    return { approvalId: id, ...item, disconnected: this.#isRevoked(found.binding.grantId) };
  }

  /** Resolves when a pending request is no longer pending. The signal removes the waiter. */
  awaitDecision(approvalId: string, over: AbortSignal): Promise<void> {
    if (this.#store.read(approvalId)?.state !== "pending") return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = this.#waiting.get(approvalId) ?? new Set();
    this.#waiting.set(approvalId, waiting.add(resolve));
    over.addEventListener("abort", () => waiting.delete(resolve), { once: true });
    return promise;
  }

  /**
   * Expires requests. After a clock that jumped back behind past events the age of requests is unknown, so
   * they expire too.
   */
  expire(now: number): void {
    for (const open of this.#store.listOverdue(now, now + CLOCK_TOLERANCE_MS)) {
      this.#move(open, { type: "approval_expired" }, "expired", now);
    }
    this.#store.forget(now);
  }

  /**
   * Ends open and approved requests that were made under another role of the requester; `null`, for an
   * inactive requester, ends all.
   */
  endOthers(roleRevision: number | null, now: number): void {
    this.expire(now);
    for (const open of this.#store.listOpen()) {
      if ((open.roleRevision ?? 0) === roleRevision) continue;
      this.#move(open, { type: "approval_expired" }, "expired", now);
    }
  }

  /** Time of the next work (milliseconds since the epoch), or `null`. */
  nextMoment(): number | null {
    return this.#store.nextMoment();
  }

  /** The requester of a request; `null` when it is not there. */
  requesterOf(approvalId: string): string | null {
    return this.#store.read(approvalId)?.requester ?? null;
  }

  get store(): ApprovalStore {
    return this.#store;
  }

  #ask(
    claim: ApprovalRequest,
    { roleRevision, holders }: InvolvedStatus,
    key: string,
    now: number,
  ): ApprovalAnswer & { state: "pending" | "full" } {
    const open = this.#store.countOpen();
    if (open >= MOST_OPEN) return { state: "full", open };
    const { userId, binding, reason, selfApproval, expiresMinutes, shown, callId, standing = null } = claim;
    const approvalId = crypto.randomUUID();
    const expiresAt = now + expiresMinutes * 60_000;
    const asked: StoredApproval = {
      ...{ id: approvalId, requester: userId, binding, reason, selfApproval, state: "pending", callId: null },
      ...{ askedAt: now, touchedAt: now, expiresAt, decision: null, outcome: null, roleRevision },
      ...(holders.length > 0 && { holders }),
      ...(standing !== null && { standing, digests: shown.digests }),
      shown: {
        values: shown.values,
        inherited: shown.inherited,
        subjects: shown.subjects ?? [],
        ...(shown.met !== undefined && { met: shown.met }),
        ...(shown.preview !== undefined && { preview: shown.preview }),
        differences: this.#store.compare(`${binding.clientId} ${binding.tool}`, shown.digests, now),
      },
    };
    this.#store.insert(key, asked);
    this.#record(asked, { type: "approval_requested", callId, expiresAt }, now);
    return { state: "pending", approvalId, expiresAt };
  }

  #move(
    found: StoredApproval,
    step: Step,
    state: ApprovalState,
    now: number,
    change: Partial<Pick<StoredApproval, "callId" | "decision" | "outcome">> = {},
  ): void {
    this.#store.update(found.id, { ...change, state, touchedAt: now });
    this.#record(found, step, now);
    for (const resolve of this.#waiting.get(found.id) ?? []) resolve();
    this.#waiting.delete(found.id);
  }

  #record({ id, requester, binding }: StoredApproval, step: Step, now: number): void {
    const { grantId: _grant, alsoFor: _alsoFor, previewDigest: _preview, ...bound } = binding;
    this.#trail.record(requester, { ...step, approvalId: id, ...bound } as ApprovalEvent, now);
  }
}

/** Whether a person acted for the requester when a request was asked. */
function isHolder({ holders = [] }: StoredApproval, id: string): boolean {
  return holders.includes(id);
}

/**
 * Whether the approver of a call is still entitled: the requester if the rule allows it, other users by their
 * role, and none who acts for the requester, now or when it was asked.
 */
function isEntitled(
  { userId, selfApproval, approverRoles = [] }: ApprovalRequest,
  { approver, holders }: InvolvedStatus,
  asked: StoredApproval,
) {
  if (approver === null || holders.includes(approver.id) || isHolder(asked, approver.id)) return false;
  if (approver.id === userId) return selfApproval;
  return approver.role !== null && approverRoles.includes(approver.role);
}

/**
 * One canonical text for everything that an approval is bound to, so that no choice of names makes two equal.
 */
function bindingKey(userId: string, binding: ApprovalBinding): string {
  return digestText(canonicalize({ userId, ...binding }));
}
