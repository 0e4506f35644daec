import type {
  ApprovalAnswer,
  ApprovalDecision,
  ApprovalItem,
  ApprovalRequest,
  DecisionResult,
} from "../../../shared/objects/approval-gate.ts";
import type { StandingRequest, StandingResult } from "../../../shared/objects/standing-approval.ts";
import { log } from "../../../shared/observe/log.ts";
import type { AdmissionControl } from "./admission-control.ts";
import { projectApprovals } from "./approval-projection.ts";
import type { Approvals } from "./approvals.ts";
import { type PersonStatus, readHolders, readPersonStatuses } from "./read-person-status.ts";

/** Milliseconds after which a failed write of the approvals list is tried again. */
const PROJECT_AGAIN_MS = 30_000;

/** What the desk uses of its object. */
interface Surroundings {
  database: D1Database;
  /** Milliseconds from a change until its records are sent. */
  flushAfterMs: number;
  /** Wakes the object in so many milliseconds. */
  wakeIn(ms: number): Promise<void>;
  keepAlive(work: Promise<unknown>): void;
}

/** Approvals with what they take from the platform database: the state of people, and the list of the approvals page. */
export class ApprovalDesk {
  readonly #approvals: Approvals;
  readonly #gatekeeper: AdmissionControl;
  readonly #around: Surroundings;

  constructor(approvals: Approvals, gatekeeper: AdmissionControl, around: Surroundings) {
    this.#approvals = approvals;
    this.#gatekeeper = gatekeeper;
    this.#around = around;
  }

  /** A call asks for its approval after its admission: grant and role may have changed since. */
  async claim(claim: ApprovalRequest): Promise<ApprovalAnswer> {
    for (;;) {
      const known = await this.#statusesOf([claim.userId]);
      if (known === undefined) return { state: "unavailable" };
      const by = this.#approvals.approverOf(claim, known.get(claim.userId)?.roleRevision ?? 0, Date.now());
      const people = by === null ? known : await this.#statusesOf([claim.userId, by]);
      const holders = await this.#holdersOf(claim);
      if (people === undefined || holders === undefined) return { state: "unavailable" };
      const requester = people.get(claim.userId);
      if (requester === undefined || this.#gatekeeper.isRevoked(claim.binding.grantId)) {
        return { state: "access_ended" };
      }
      if (requester.role !== claim.role) return { state: "role_changed" };
      const approver = by === null ? null : { id: by, role: people.get(by)?.role ?? null };
      const { roleRevision } = requester;
      const answer = this.#approvals.claim(claim, { roleRevision, approver, holders }, Date.now());
      // Another person has approved it meanwhile, and their state is not known yet.
      if (answer === null) continue;
      await this.changed();
      return answer;
    }
  }

  /** Returns when the approval is decided, or after so many milliseconds. */
  async awaitDecision(approvalId: string, timeoutMs: number): Promise<void> {
    const over = new AbortController();
    const timeout = scheduler.wait(timeoutMs, { signal: over.signal }).catch(() => undefined);
    await Promise.race([this.#approvals.awaitDecision(approvalId, over.signal), timeout]);
    // A running timer would keep the object awake.
    over.abort();
  }

  /** Gives an approval back that a call has not used. */
  async release(callId: string): Promise<void> {
    this.#approvals.release(callId, Date.now());
    await this.changed();
  }

  /** An approval as it is now; `null` for an unknown one. */
  async read(approvalId: string): Promise<ApprovalItem | null> {
    await this.endOthers();
    const item = this.#approvals.read(approvalId, Date.now());
    await this.changed();
    return item;
  }

  /** Decides under the role that the requester has now. */
  async decide(decision: ApprovalDecision): Promise<DecisionResult> {
    await this.endOthers();
    const result = this.#approvals.decide(decision, Date.now());
    await this.changed();
    return result;
  }

  /** Makes a standing approval of an approval; `unknown` also when the requester's role is not known. */
  async makeStanding(request: StandingRequest): Promise<StandingResult> {
    const requester = this.#approvals.requesterOf(request.approvalId);
    if (requester === null) return "unknown";
    const people = await this.#statusesOf([requester]);
    const roleRevision = people?.get(requester)?.roleRevision;
    if (roleRevision === undefined) return "unknown";
    const result = this.#approvals.makeStanding(request, roleRevision, Date.now());
    await this.changed();
    return result;
  }

  /** Ends open approvals that were requested under another role. If the role is unknown, the next claim does it. */
  async endOthers(): Promise<void> {
    const requester = this.#approvals.store.listOpen()[0]?.requester;
    if (requester === undefined) return;
    const people = await this.#statusesOf([requester]);
    if (people !== undefined)
      this.#approvals.endOthers(people.get(requester)?.roleRevision ?? null, Date.now());
  }

  /** Ends requests and standing approvals of an account's former holder. */
  async endHolder(by: string): Promise<void> {
    this.#approvals.endOthers(null, Date.now());
    this.#approvals.standing.revokeAll(by, Date.now());
    await this.changed();
  }

  /** Settles approvals of these calls, whose end is unknown, and ends those that were not decided in time. */
  tidy(overdue: Iterable<string>): void {
    for (const callId of overdue) this.#approvals.settle(callId, "unknown", Date.now());
    this.#approvals.expire(Date.now());
    this.project();
  }

  /** Sends the records that a change to an approval wrote. */
  async changed(): Promise<void> {
    this.project();
    await this.#around.wakeIn(this.#around.flushAfterMs);
  }

  /** Updates the list of the approvals page. After a failure the next alarm tries again. */
  project(): void {
    const projected = projectApprovals(this.#approvals.store, this.#around.database).catch(
      async (failure: unknown) => {
        log("warn", "approvals_not_projected", { error: String(failure) });
        await this.#around.wakeIn(PROJECT_AGAIN_MS);
      },
    );
    this.#around.keepAlive(projected);
  }

  /** Who acts for the requester with the grant of a call; `undefined` if unknown. */
  async #holdersOf({ userId, binding }: ApprovalRequest): Promise<readonly string[] | undefined> {
    try {
      return await readHolders(this.#around.database, userId, binding.grantId);
    } catch (failure) {
      log("warn", "holders_not_read", { error: String(failure) });
      return undefined;
    }
  }

  /** Current state of these people; `undefined` if unknown. */
  async #statusesOf(userIds: readonly string[]): Promise<ReadonlyMap<string, PersonStatus> | undefined> {
    try {
      return await readPersonStatuses(this.#around.database, userIds);
    } catch (failure) {
      log("warn", "standings_not_read", { error: String(failure) });
      return undefined;
    }
  }
}
