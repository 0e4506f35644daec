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
import type { ProgramGate, ProgramRights, WaitingProgram } from "../../../shared/objects/program-gate.ts";
import type {
  StandingApproval,
  StandingRequest,
  StandingResult,
} from "../../../shared/objects/standing-approval.ts";
import type { MemoryRules } from "../../../shared/policy/flow/information-flow.ts";
import type { ContextOperation, ResultHandle, SessionContext } from "../../../shared/session/context.ts";
import type { Bookmarks } from "../../../shared/session/database-sessions.ts";
import { ResultStore } from "../../../shared/session/result-store.ts";
import type { ResultPage } from "../../../shared/session/session-memory.ts";
import { noteUnstored } from "../../audit-log/unstored-records.ts";
import { AdmissionControl } from "./admission-control.ts";
import { ApprovalDesk } from "./approval-desk.ts";
import { Approvals } from "./approvals.ts";
import { AuditTrail } from "./audit-trail.ts";
import {
  applyContext,
  createContexts,
  eraseKept,
  forgetClients,
  type KeptData,
  readContext,
  readKept,
} from "./kept-data.ts";
import { RequestLimiter } from "./request-limiter.ts";
import { SessionMarks } from "./session-marks.ts";
import { SpentAnswers } from "./spent-answers.ts";
import { WaitingPrograms } from "./waiting-programs.ts";
import { WrittenBookmarks } from "./written-bookmarks.ts";

/** Milliseconds from the first unsent record until records are sent. */
const FLUSH_AFTER_MS = 5_000;

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
  readonly #desk: ApprovalDesk;
  readonly #results: ResultStore;
  readonly #spent: SpentAnswers;
  readonly #written: WrittenBookmarks;
  readonly #met: SessionMarks;
  readonly #programs: WaitingPrograms;
  readonly #requests = new RequestLimiter();
  readonly #alarm: ObjectAlarm;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#alarm = new ObjectAlarm(ctx.storage, "Principal");
    createContexts(this.#sql);
    this.#trail = new AuditTrail(this.#sql);
    this.#gatekeeper = new AdmissionControl(this.#sql, env.PLATFORM_DB, this.#trail.readLimits());
    this.#approvals = new Approvals(this.#sql, this.#trail, (grantId) => this.#gatekeeper.isRevoked(grantId));
    this.#desk = new ApprovalDesk(this.#approvals, this.#gatekeeper, {
      database: env.PLATFORM_DB,
      flushAfterMs: FLUSH_AFTER_MS,
      wakeIn: (ms) => this.#alarm.wakeBy(Date.now() + ms),
      keepAlive: (work) => ctx.waitUntil(work),
    });
    this.#results = new ResultStore(this.#sql);
    this.#spent = new SpentAnswers(this.#sql);
    this.#written = new WrittenBookmarks(this.#sql);
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
    const context = intent.lane === "stateless" ? readContext(this.#sql, intent.clientId) : null;
    const stateSpent = "stateSpent" in passage && passage.stateSpent;
    const met = "met" in passage && passage.met ? { met: passage.met } : {};
    const noted = { ...met, ...this.#written.read(now), ...(stateSpent && { stateSpent }) };
    return { admitted: true, context, role, policy, running, ...noted };
  }

  async noteBookmarks(bookmarks: Bookmarks): Promise<void> {
    this.#written.add(bookmarks, Date.now());
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
    if (approvalsEnded) this.#desk.project();
  }

  async claimApproval(claim: ApprovalRequest): Promise<ApprovalAnswer> {
    return this.#desk.claim(claim);
  }

  async awaitApproval(approvalId: string, timeoutMs: number): Promise<void> {
    await this.#desk.awaitDecision(approvalId, timeoutMs);
  }

  async releaseApproval(callId: string): Promise<void> {
    await this.#desk.release(callId);
  }

  async readApproval(approvalId: string): Promise<ApprovalItem | null> {
    return this.#desk.read(approvalId);
  }

  async decideApproval(decision: ApprovalDecision): Promise<DecisionResult> {
    return this.#desk.decide(decision);
  }

  async makeStanding(request: StandingRequest): Promise<StandingResult> {
    return this.#desk.makeStanding(request);
  }

  async listDecided(clientId: string, since: number): Promise<DecidedApproval[]> {
    return this.#approvals.store.listDecided(clientId, since);
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
    // Objects of the release before send none.
    meeting?: Meeting,
  ): Promise<DeliveryAdmission> {
    const [first] = intents;
    if (first === undefined) return { state: "admitted" };
    const answer = await this.#gatekeeper.checkDelivery(first.userId, access, known);
    if (answer.state !== "admitted") return answer;
    const now = Date.now();
    this.#trail.transaction(() => {
      for (const intent of intents) this.#trail.openDelivery(intent, now);
      const { clientId, name } = first;
      if (meeting) this.#met.meet({ clientId, name, ...meeting }, now);
    });
    await this.#alarm.wakeBy(now + FLUSH_AFTER_MS);
    return answer;
  }

  /** The platform database has changed for this user: the next call reads it. */
  async forgetPerson(): Promise<void> {
    this.#gatekeeper.forgetPerson();
    await this.#desk.endOthers();
    await this.#desk.changed();
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
    forgetClients(this.#sql);
    this.#met.clear();
    await this.#desk.endHolder(by);
  }

  /** Some unconfirmed records, oldest first; empty if all are confirmed. */
  async readUnstored(): Promise<Link[]> {
    return this.#trail.unstored();
  }

  async readContext(clientId: string): Promise<SessionContext> {
    return readContext(this.#sql, clientId);
  }

  async keepProgram(program: WaitingProgram): Promise<void> {
    const now = Date.now();
    this.#trail.transaction(() => this.#programs.keep(program, now));
    await this.#alarm.wakeBy(this.#programs.nextMoment() ?? now);
  }

  async takeProgram(id: string, rights: ProgramRights): Promise<WaitingProgram | "other" | null> {
    return this.#trail.transaction(() => this.#programs.take(id, rights, Date.now()));
  }

  async applyContext(clientId: string, operations: readonly ContextOperation[]): Promise<void> {
    applyContext(this.#sql, clientId, operations, this.#results);
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
    if (this.#trail.isStored) await this.#noteUnstored();
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
    this.#desk.tidy(this.#trail.closeOverdue(Date.now()));
    this.#trail.sweep(Date.now());
    this.#programs.forget(Date.now());
    await this.#noteUnstored();
    await this.#trail.send(this.env.CALL_QUEUE);
    for (const part of [this.#trail, this.#approvals, this.#programs]) {
      const moment = part.nextMoment(Date.now());
      if (moment !== null) await this.#alarm.wakeBy(moment);
    }
  }

  #noteUnstored(): Promise<void> {
    return noteUnstored(this.env.OAUTH_KV, this.ctx.storage, this.#trail.oldestUnstored(), Date.now());
  }
}
