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
import { maskStored } from "../../../shared/redact/mask-stored.ts";
import { ApprovalStore, type StoredApproval } from "./approval-store.ts";
import type { AuditTrail } from "./audit-trail.ts";

/** Requests of one person that may wait at the same time: what nobody could read through protects nobody. */
const MOST_OPEN = 20;

/** Milliseconds that the clock may go back without a meaning: objects move between machines. */
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

/**
 * The approvals of one person's apps. An approval fits one call: this person, app, tool, these arguments, this policy,
 * until it expires; and it is used up in the same turn that says so. Every method runs without `await`, so that of
 * fifty calls at once exactly one finds it.
 *
 *     pending → approved → executed → returned        pending → refused        pending, approved → expired
 */
export class Approvals {
  readonly #store: ApprovalStore;
  readonly #trail: AuditTrail;
  readonly #isRevoked: (grantId: string) => boolean;
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(sql: SqlStorage, trail: AuditTrail, isRevoked: (grantId: string) => boolean) {
    this.#store = new ApprovalStore(sql);
    this.#trail = trail;
    this.#isRevoked = isRevoked;
  }

  /** Uses an approval up if there is one for exactly this call; else says what stands in the way, or asks for one. */
  claim(
    claim: ApprovalRequest,
    now: number,
  ): Exclude<ApprovalAnswer, { state: "unavailable" | "access_ended" }> {
    this.expire(now);
    const { binding, callId, userId } = claim;
    const key = bindingKey(userId, binding);
    const current = this.#store.findUnfinished(key);
    switch (current?.state) {
      case "approved":
        this.#move(current, { type: "approval_executed", callId }, "executed", now, { callId });
        return { state: "approved" };
      case "pending":
        return { state: "pending", approvalId: current.id, expiresAt: current.expiresAt };
      case "refused":
        this.#store.update(current.id, { told: true });
        return { state: "refused", reason: current.decision?.reason ?? null };
      case "expired":
        this.#store.update(current.id, { told: true });
        return { state: "expired" };
      default:
        return this.#ask(claim, key, now);
    }
  }

  /** A person's word. It counts once, in time, under the policy that was asked by, and never from whom it is about. */
  decide({ approvalId, by, granted, reason, policyDigest }: ApprovalDecision, now: number): DecisionResult {
    this.expire(now);
    const found = this.#store.read(approvalId);
    if (found === null) return "unknown";
    if (found.state === "expired") return "expired";
    if (found.state !== "pending") return "closed";
    if (granted && by === found.requester && !found.selfApproval) return "own";
    if (granted && found.binding.policyDigest !== policyDigest) return "policy_changed";
    if (granted && this.#isRevoked(found.binding.grantId)) return "disconnected";
    const decision = { by, granted, reason: maskStored(reason), at: now };
    const type = granted ? "approval_granted" : "approval_refused";
    this.#move(found, { type, by }, granted ? "approved" : "refused", now, { decision });
    return "recorded";
  }

  /**
   * A call has ended. If it used an approval, that stays used, however the call ended. Gives whether there was one.
   */
  settle(callId: string, status: string, now: number): boolean {
    const found = this.#store.findByCall(callId);
    if (!found) return false;
    this.#move(found, { type: "approval_returned", callId, status }, "returned", now, { outcome: status });
    return true;
  }

  /** The call that used an approval stopped before it did anything, to be entered again: it finds its approval again. */
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
    const { id, callId: _call, touchedAt: _touched, ...item } = found;
    return { approvalId: id, ...item, disconnected: this.#isRevoked(found.binding.grantId) };
  }

  /** Resolves when a pending request is pending no more. Forgets who waits when the signal says so. */
  awaitDecision(approvalId: string, over: AbortSignal): Promise<void> {
    if (this.#store.read(approvalId)?.state !== "pending") return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = this.#waiting.get(approvalId) ?? new Set();
    this.#waiting.set(approvalId, waiting.add(resolve));
    over.addEventListener("abort", () => waiting.delete(resolve), { once: true });
    return promise;
  }

  /**
   * Time-out means no. So does a clock that jumped back behind what has already happened: nobody knows any more how
   * old a request is.
   */
  expire(now: number): void {
    for (const open of this.#store.listOverdue(now, now + CLOCK_TOLERANCE_MS)) {
      this.#move(open, { type: "approval_expired" }, "expired", now);
    }
    this.#store.forget(now);
  }

  /** When there is something to do again (milliseconds since the epoch), or `null`. */
  nextMoment(): number | null {
    return this.#store.nextMoment();
  }

  get store(): ApprovalStore {
    return this.#store;
  }

  #ask(claim: ApprovalRequest, key: string, now: number): ApprovalAnswer & { state: "pending" | "full" } {
    const open = this.#store.countOpen();
    if (open >= MOST_OPEN) return { state: "full", open };
    const { userId, binding, reason, selfApproval, expiresMinutes, shown, callId } = claim;
    const approvalId = crypto.randomUUID();
    const expiresAt = now + expiresMinutes * 60_000;
    const asked: StoredApproval = {
      ...{ id: approvalId, requester: userId, binding, reason, selfApproval, state: "pending", callId: null },
      ...{ askedAt: now, touchedAt: now, expiresAt, decision: null, outcome: null },
      shown: {
        values: shown.values,
        inherited: shown.inherited,
        subjects: shown.subjects ?? [],
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
    const { grantId: _grant, ...bound } = binding;
    this.#trail.record(requester, { ...step, approvalId: id, ...bound } as ApprovalEvent, now);
  }
}

/** One text for everything that an approval is bound to; canonical, so that no choice of names makes two look alike. */
function bindingKey(userId: string, binding: ApprovalBinding): string {
  return digestText(canonicalize({ userId, ...binding }));
}
