import { DurableObject } from "cloudflare:workers";
import type { Link } from "../../../shared/audit/chain.ts";
import type { AuditEvent } from "../../../shared/audit/record.ts";
import type { Met } from "../../../shared/call/flow-labels.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { Access, AdmissionRequest, Meeting } from "../../../shared/objects/admission-request.ts";

import type {
  ApprovalAnswer,
  ApprovalDecision,
  ApprovalGate,
  ApprovalItem,
  ApprovalRequest,
  DecidedApproval,
  DecisionResult,
} from "../../../shared/objects/approval-gate.ts";
import { ObjectAlarm } from "../../../shared/objects/object-alarm.ts";
import type {
  AccessStatus,
  Admission,
  DeliveryAdmission,
  Intent,
  KnownRights,
  Outcome,
  PrincipalGate,
} from "../../../shared/objects/principal-gate.ts";
import type { ProgramGate, WaitingProgram } from "../../../shared/objects/program-gate.ts";
import type {
  StandingApproval,
  StandingRequest,
  StandingResult,
} from "../../../shared/objects/standing-approval.ts";
import { log } from "../../../shared/observe/log.ts";
import type { MemoryRules } from "../../../shared/policy/flow/information-flow.ts";
import {
  applyOperation,
  type ContextOperation,
  emptyContext,
  type ResultHandle,
  type SessionContext,
} from "../../../shared/session/context.ts";
import { ResultStore } from "../../../shared/session/result-store.ts";
import type { ResultPage } from "../../../shared/session/session-memory.ts";
import { noteUnstored } from "../../audit-log/unstored-records.ts";
import { AdmissionControl } from "./admission-control.ts";
import { projectApprovals } from "./approval-projection.ts";
import { Approvals } from "./approvals.ts";
import { AuditTrail } from "./audit-trail.ts";
import { eraseKept, forgetClients, type KeptData, readKept } from "./kept-data.ts";
import { type PersonStatus, readPersonStatuses } from "./read-person-status.ts";
import { RequestLimiter } from "./request-limiter.ts";
import { SessionMarks } from "./session-marks.ts";
import { SpentAnswers } from "./spent-answers.ts";
import { WaitingPrograms } from "./waiting-programs.ts";

/** Milliseconds from the first unsent record until records are sent. */
const FLUSH_AFTER_MS = 5_000;

/** Milliseconds after which a failed write of the approvals list is tried again. */
const PROJECT_AGAIN_MS = 30_000;

/**
 * One object per user: strongly consistent and single-threaded. Decides on calls, chains each call's intent
 * before it runs, holds the memory of the user's stateless clients, and sends the records of the chain to the
 * queue.
 */
export class Principal extends DurableObject<Env> implements PrincipalGate, ApprovalGate, ProgramGate {
  readonly #sql: SqlStorage;
  readonly #trail: AuditTrail;
  readonly #gatekeeper: AdmissionControl;
  readonly #approvals: Approvals;
  readonly #results: ResultStore;
  readonly #spent: SpentAnswers;
  readonly #met: SessionMarks;
  readonly #programs: WaitingPrograms;
  readonly #requests = new RequestLimiter();
  readonly #alarm: ObjectAlarm;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#alarm = new ObjectAlarm(ctx.storage, "Principal");
    this.#sql.exec("CREATE TABLE IF NOT EXISTS contexts (client_id TEXT PRIMARY KEY, context TEXT NOT NULL)");
    this.#trail = new AuditTrail(this.#sql);
    this.#gatekeeper = new AdmissionControl(this.#sql, env.PLATFORM_DB, this.#trail.readLimits());
    this.#approvals = new Approvals(this.#sql, this.#trail, (grantId) => this.#gatekeeper.isRevoked(grantId));
    this.#results = new ResultStore(this.#sql);
    this.#spent = new SpentAnswers(this.#sql);
    this.#met = new SessionMarks(this.#sql);
    this.#programs = new WaitingPrograms(this.#sql);
  }

  /**
   * Records the outcomes of earlier calls, decides, and makes the intent durable: one row. Output gates hold
   * the response until the write is on disk.
   */
  async admit(intent: Intent, claim: AdmissionRequest, ended: readonly Outcome[] = []): Promise<Admission> {
    const facts = await this.#gatekeeper.loadPrincipal(intent.userId);
    const now = Date.now();
    const passage = this.#trail.transaction(() => {
      this.#end(ended, now);
      const answer = this.#gatekeeper.evaluate(intent, claim, facts);
      if ("refusal" in answer) this.#trail.refuse(intent, answer.refusal.code, now);
      else this.#trail.open(intent, now, answer.taken);
      if ("refusal" in answer) return answer;
      const { callId, clientId, name } = intent;
      // Before the data is read: whatever this call gives a model, later calls are judged by it.
      const met = claim.meeting && this.#met.meet({ callId, clientId, name, ...claim.meeting }, now);
      const passed = { ...answer, ...(met && { met }) };
      if (claim.stateId === undefined) return passed;
      return { ...passed, stateSpent: !this.#spent.spend(`state:${claim.stateId}`, now) };
    });
    await this.#alarm.wakeBy(now + FLUSH_AFTER_MS);
    if ("refusal" in passage) return { admitted: false, refusal: passage.refusal };
    const { role, policy, running } = passage;
    const context = intent.lane === "stateless" ? this.#context(intent.clientId) : null;
    const stateSpent = "stateSpent" in passage && passage.stateSpent;
    const met = "met" in passage && passage.met ? { met: passage.met } : {};
    return { admitted: true, context, role, policy, running, ...met, ...(stateSpent && { stateSpent }) };
  }

  async readMet(clientId: string, rules: MemoryRules): Promise<readonly Met[]> {
    return this.#met.read(clientId, rules, Date.now());
  }

  async meet(clientId: string, name: string, meeting: Meeting): Promise<void> {
    this.#met.meet({ clientId, name, ...meeting }, Date.now());
  }

  async spendConfirm(confirm: string): Promise<boolean> {
    return this.#spent.spend(`confirm:${confirm}`, Date.now());
  }

  async settle(ended: readonly Outcome[]): Promise<void> {
    const now = Date.now();
    // Isolates of the previous release, which run for a while, send one outcome instead of a list.
    this.#trail.transaction(() => this.#end([ended].flat(), now));
    await this.#alarm.wakeBy(now + FLUSH_AFTER_MS);
  }

  #end(ended: readonly Outcome[], now: number): void {
    let approvalsEnded = false;
    for (const outcome of ended) {
      this.#trail.close(outcome, now);
      this.#gatekeeper.release(outcome.callId);
      this.#met.end(outcome.callId, outcome.status);
      if (this.#approvals.settle(outcome.callId, outcome.status, now)) approvalsEnded = true;
    }
    if (approvalsEnded) this.#project();
  }

  /** A call asks for its approval after its admission: grant and role may have changed since. */
  async claimApproval(claim: ApprovalRequest): Promise<ApprovalAnswer> {
    for (;;) {
      const known = await this.#statusesOf([claim.userId]);
      if (known === undefined) return { state: "unavailable" };
      const by = this.#approvals.approverOf(claim, known.get(claim.userId)?.roleRevision ?? 0, Date.now());
      const people = by === null ? known : await this.#statusesOf([claim.userId, by]);
      if (people === undefined) return { state: "unavailable" };
      const requester = people.get(claim.userId);
      if (requester === undefined || this.#gatekeeper.isRevoked(claim.binding.grantId)) {
        return { state: "access_ended" };
      }
      if (requester.role !== claim.role) return { state: "role_changed" };
      const approver = by === null ? null : { id: by, role: people.get(by)?.role ?? null };
      const { roleRevision } = requester;
      const answer = this.#approvals.claim(claim, { roleRevision, approver }, Date.now());
      // Another person has approved it meanwhile, and their state is not known yet.
      if (answer === null) continue;
      await this.#afterApproval();
      return answer;
    }
  }

  async awaitApproval(approvalId: string, timeoutMs: number): Promise<void> {
    const over = new AbortController();
    const timeout = scheduler.wait(timeoutMs, { signal: over.signal }).catch(() => undefined);
    await Promise.race([this.#approvals.awaitDecision(approvalId, over.signal), timeout]);
    // A running timer would keep the object awake.
    over.abort();
  }

  async releaseApproval(callId: string): Promise<void> {
    this.#approvals.release(callId, Date.now());
    await this.#afterApproval();
  }

  async readApproval(approvalId: string): Promise<ApprovalItem | null> {
    await this.#endApprovalsOfOtherRoles();
    const item = this.#approvals.read(approvalId, Date.now());
    await this.#afterApproval();
    return item;
  }

  async decideApproval(decision: ApprovalDecision): Promise<DecisionResult> {
    await this.#endApprovalsOfOtherRoles();
    const result = this.#approvals.decide(decision, Date.now());
    await this.#afterApproval();
    return result;
  }

  async listDecided(clientId: string, since: number): Promise<DecidedApproval[]> {
    return this.#approvals.store.listDecided(clientId, since);
  }

  async makeStanding(request: StandingRequest): Promise<StandingResult> {
    const requester = this.#approvals.requesterOf(request.approvalId);
    if (requester === null) return "unknown";
    const people = await this.#statusesOf([requester]);
    const roleRevision = people?.get(requester)?.roleRevision;
    if (roleRevision === undefined) return "unknown";
    const result = this.#approvals.makeStanding(request, roleRevision, Date.now());
    await this.#afterApproval();
    return result;
  }

  async readStanding(id: string): Promise<StandingApproval | null> {
    return this.#approvals.standing.read(id);
  }

  async revokeStanding(id: string, by: string): Promise<boolean> {
    const revoked = this.#approvals.standing.revoke(id, by, Date.now());
    await this.#alarm.wakeBy(Date.now() + FLUSH_AFTER_MS);
    return revoked;
  }

  async revokeGrant(grantId: string): Promise<void> {
    this.#gatekeeper.revoke(grantId);
  }

  async isGrantRevoked(grantId: string): Promise<boolean> {
    return this.#gatekeeper.isRevoked(grantId);
  }

  async revokeToken(tokenId: string): Promise<void> {
    this.#gatekeeper.revoke(tokenId);
  }

  async checkAccess(
    userId: string,
    access: Access,
    countedFor: string | null,
    publication = 0,
  ): Promise<AccessStatus> {
    const rights = await this.#gatekeeper.rightsUnder(userId, access, publication);
    if (rights === "ended") return { ended: true, retryAfter: 0, rights: null };
    const retryAfter = countedFor === null ? 0 : this.#requests.take(countedFor, Date.now());
    return { ended: false, retryAfter, rights };
  }

  async admitDeliveries(
    access: Access,
    known: KnownRights,
    intents: readonly Intent[],
  ): Promise<DeliveryAdmission> {
    const [first] = intents;
    if (first === undefined) return { state: "admitted" };
    const rights = await this.#gatekeeper.rightsUnder(first.userId, access, known.publication);
    if (rights === "ended") return { state: "ended" };
    if (rights === null) return { state: "unknown" };
    if (rights.role !== known.role || rights.policy.publication > known.publication) {
      return { state: "changed", rights };
    }
    const now = Date.now();
    this.#trail.transaction(() => {
      for (const intent of intents) this.#trail.openDelivery(intent, now);
    });
    await this.#alarm.wakeBy(now + FLUSH_AFTER_MS);
    return { state: "admitted" };
  }

  /** The platform database has changed for this user: the next call reads it. */
  async forgetPerson(): Promise<void> {
    this.#gatekeeper.forgetPerson();
    await this.#endApprovalsOfOtherRoles();
    await this.#afterApproval();
  }

  async record(chain: string, event: AuditEvent): Promise<void> {
    this.#trail.record(chain, event, Date.now());
    await this.#alarm.wakeBy(Date.now() + FLUSH_AFTER_MS);
  }

  async recordOnce(chain: string, key: string, event: AuditEvent): Promise<void> {
    this.#trail.recordOnce(chain, key, event, Date.now());
    await this.#alarm.wakeBy(Date.now() + FLUSH_AFTER_MS);
  }

  /** Everything stored for the user's stateless clients: contexts by client, and kept results. */
  async readKept(): Promise<KeptData> {
    return readKept(this.#sql);
  }

  /** Deletes everything that {@link readKept} reads. Revocations and records stay. */
  async eraseKept(): Promise<{ contexts: number; results: number }> {
    this.#met.clear();
    return eraseKept(this.#sql);
  }

  /** Ends what an account's former holder left here: requests, standing approvals, contexts and kept results. */
  async endHolder(by: string): Promise<void> {
    this.#approvals.endOthers(null, Date.now());
    this.#approvals.standing.revokeAll(by, Date.now());
    forgetClients(this.#sql);
    this.#met.clear();
    await this.#afterApproval();
  }

  /** Some unconfirmed records, oldest first; empty if all are confirmed. */
  async readUnstored(): Promise<Link[]> {
    return this.#trail.unstored();
  }

  async readContext(clientId: string): Promise<SessionContext> {
    return this.#context(clientId);
  }

  async keepProgram(program: WaitingProgram): Promise<void> {
    const now = Date.now();
    this.#trail.transaction(() => this.#programs.keep(program, now));
    await this.#alarm.wakeBy(this.#programs.nextMoment() ?? now);
  }

  async takeProgram(id: string, clientId: string, server: string): Promise<WaitingProgram | null> {
    return this.#programs.take(id, clientId, server, Date.now());
  }

  async applyContext(clientId: string, operations: readonly ContextOperation[]): Promise<void> {
    for (const operation of operations) {
      if (operation.kind === "clear" && operation.parts.includes("handles")) this.#results.clear(clientId);
    }
    const context = operations.reduce(applyOperation, this.#context(clientId));
    this.#sql.exec(
      "INSERT INTO contexts VALUES (?1, ?2) ON CONFLICT (client_id) DO UPDATE SET context = ?2",
      clientId,
      JSON.stringify(context),
    );
  }

  async keepResult(clientId: string, handle: ResultHandle, rows: readonly JsonValue[]): Promise<void> {
    this.#results.keep(clientId, handle.handle, rows, handle.createdAt);
  }

  async readResult(
    clientId: string,
    handle: string,
    offset: number,
    limit: number,
  ): Promise<ResultPage | null> {
    return this.#results.page(clientId, handle, offset, limit);
  }

  /** The platform database has these records of the chain, so they can be deleted here. */
  async confirmStored(sequences: readonly number[]): Promise<void> {
    const forgotten = this.#trail.confirm(sequences, Date.now());
    if (this.#trail.unstored().length === 0) await this.#noteUnstored();
    if (forgotten !== null) await this.#alarm.wakeBy(forgotten);
  }

  /** Deletes the events of confirmed records, even while a limit still counts them. */
  async forgetStored(): Promise<void> {
    this.#trail.forgetConfirmed();
  }

  override async alarm(): Promise<void> {
    await this.#alarm.run(() => this.#tidy());
  }

  /** Sends records, oldest first. A record is deleted only after the database has it. */
  async #tidy(): Promise<void> {
    for (const callId of this.#trail.closeOverdue(Date.now())) {
      this.#approvals.settle(callId, "unknown", Date.now());
    }
    this.#approvals.expire(Date.now());
    this.#project();
    this.#trail.sweep(Date.now());
    this.#programs.forget(Date.now());
    await this.#noteUnstored();
    for (let links = this.#trail.unsent(Date.now()); links.length > 0; ) {
      await this.env.CALL_QUEUE.send(links);
      this.#trail.markSent(links.at(-1)?.sequence ?? 0, Date.now());
      links = this.#trail.unsent(Date.now());
    }
    const next = [
      this.#trail.nextMoment(Date.now()),
      this.#approvals.nextMoment(),
      this.#programs.nextMoment(),
    ];
    for (const moment of next) if (moment !== null) await this.#alarm.wakeBy(moment);
  }

  /** Current state of these people; `undefined` if unknown. */
  async #statusesOf(userIds: readonly string[]): Promise<ReadonlyMap<string, PersonStatus> | undefined> {
    try {
      return await readPersonStatuses(this.env.PLATFORM_DB, userIds);
    } catch (failure) {
      log("warn", "standings_not_read", { error: String(failure) });
      return undefined;
    }
  }

  /**
   * Ends open approvals that were requested under another role. If the role is unknown, the next claim does
   * it.
   */
  async #endApprovalsOfOtherRoles(): Promise<void> {
    const requester = this.#approvals.store.listOpen()[0]?.requester;
    if (requester === undefined) return;
    const people = await this.#statusesOf([requester]);
    if (people !== undefined)
      this.#approvals.endOthers(people.get(requester)?.roleRevision ?? null, Date.now());
  }

  #noteUnstored(): Promise<void> {
    return noteUnstored(this.env.OAUTH_KV, this.ctx.storage, this.#trail.unstored()[0], Date.now());
  }

  /** Sends the records that a change to an approval wrote. */
  async #afterApproval(): Promise<void> {
    this.#project();
    await this.#alarm.wakeBy(Date.now() + FLUSH_AFTER_MS);
  }

  /** Updates the list of the approvals page. After a failure the next alarm tries again. */
  #project(): void {
    const projected = projectApprovals(this.#approvals.store, this.env.PLATFORM_DB).catch(
      async (failure: unknown) => {
        log("warn", "approvals_not_projected", { error: String(failure) });
        await this.#alarm.wakeBy(Date.now() + PROJECT_AGAIN_MS);
      },
    );
    this.ctx.waitUntil(projected);
  }

  #context(clientId: string): SessionContext {
    const [row] = this.#sql
      .exec<{ context: string }>("SELECT context FROM contexts WHERE client_id = ?", clientId)
      .toArray();
    return row ? (JSON.parse(row.context) as SessionContext) : emptyContext();
  }
}
