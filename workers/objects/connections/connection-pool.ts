import { DurableObject } from "cloudflare:workers";
import { secretSourceOf } from "../../../shared/connections/secret-source.ts";
import type { PauseDeadline } from "../../../shared/guard/run.ts";
import {
  type ConnectionAnswer,
  type ConnectionCaller,
  type ConnectionFailure,
  type ConnectionGate,
  type ConnectionRequest,
  type ConnectionState,
  type ConnectionTarget,
  connectionGate,
  type Inspected,
  type ProbeAnswer,
  SESSIONS_PER_OBJECT,
  shareOf,
} from "../../../shared/objects/connection-gate.ts";
import { flushSpans } from "../../../shared/observe/spans.ts";
import { runBelow } from "../../../shared/observe/trace.ts";
import { OPEN_MS, PartialAnswer, RefusedRequest, type Session } from "../../connections/connector.ts";
import { describeReach } from "../../connections/describe-reach.ts";
import { loadConnector } from "../../connections/load-connector.ts";
import { budgetOf } from "../../connections/open-or-close.ts";
import { openSecret } from "../../connections/secret.ts";
import { ClientInUse, SharedClient } from "../../connections/shared-client.ts";
import { takesConnections } from "../../connections/takes-connections.ts";
import { writeOnce } from "../../connections/write-keys.ts";
import { AccountWatch } from "./account-watch.ts";
import { AnswerCache } from "./answer-cache.ts";
import { BoundSecret } from "./bound-secret.ts";
import type { KeepPlace } from "./call-queue.ts";
import { Cancels } from "./cancels.ts";
import { type Conversation, Conversations } from "./conversation.ts";
import {
  classifyFailure,
  describeOutage,
  explainFailure,
  notKnown,
  WAITED_TOO_LONG,
} from "./explain-failure.ts";
import { Outage } from "./outage.ts";
import { attemptUntil, openResilience, type Resilience } from "./resilience.ts";
import { sessionKeyOf } from "./session-key.ts";
import { beginAgain, SessionStore } from "./session-store.ts";
import { WaitingWrites } from "./waiting-writes.ts";
import { GRACE_MS, TimedOut, within } from "./within.ts";

/**
 * Holds some of a connection's sockets. A socket serves one request at a time, so two calls never share a
 * transaction; requests beyond the sockets wait in a short queue. Nothing is stored but which writes wait for an answer of
 * their client: an evicted object opens its sockets again, and has forgotten the answers that it kept.
 */
export class ConnectionPool extends DurableObject<Env> implements ConnectionGate {
  readonly #sessions = new SessionStore();
  readonly #memory = new Map<string, unknown>();
  readonly #account = new AccountWatch(this.ctx.storage);
  readonly #bound = new BoundSecret();
  readonly #answers = new AnswerCache();
  readonly #cancels = new Cancels(this.ctx.id.name ?? "");
  readonly #writes = new WaitingWrites(this.ctx.storage);
  readonly #conversations = new Conversations((id) => this.cancel(id), this.#writes);
  #resilience: Resilience | undefined;
  #probing: Promise<unknown> = Promise.resolve();
  #lastFailure: ConnectionState["lastFailure"] = null;
  #lastMs: number | null = null;

  async run(
    target: ConnectionTarget,
    request: ConnectionRequest,
    caller?: ConnectionCaller,
  ): Promise<ConnectionAnswer> {
    const { once, id: call, timeoutMs } = request;
    if (once !== undefined) {
      const work = () => this.#run(target, request, caller);
      return await writeOnce(this.env, { connection: target.name, once, call, timeoutMs }, work);
    }
    if (request.cache === undefined) return await this.#run(target, request, caller);
    // A read in the background is no call: nothing cancels it, and its time is that of the connection.
    const again = { ...request, timeoutMs: target.entry.limits.seconds * 1_000 };
    return await this.#answers.answer(
      request.cache,
      (isRefresh) =>
        isRefresh
          ? this.#run(target, { ...again, id: crypto.randomUUID() })
          : this.#run(target, request, caller),
      (work) => this.ctx.waitUntil(work),
    );
  }

  async #run(
    target: ConnectionTarget,
    request: ConnectionRequest,
    caller?: ConnectionCaller,
  ): Promise<ConnectionAnswer> {
    const { conversation, isNew } = this.#conversations.open(request);
    if (isNew) {
      const work = () => this.#begin(target, request, conversation);
      conversation.begin(runBelow(request.traceparent, work));
    }
    const answer = await conversation.attach(caller).finally(() => this.#conversations.leave(request.id));
    flushSpans(this.ctx);
    // Only with the call that gets the answer: one that waited for too long has to be told so.
    if (conversation.isOver && request.call) await this.#writes.end(request.call.resumes);
    return answer;
  }

  async #begin(
    target: ConnectionTarget,
    request: ConnectionRequest,
    conversation: Conversation,
  ): Promise<ConnectionAnswer> {
    // It waited in an object that is lost, or for too long.
    if (request.call && !request.repeatable && (await this.#writes.end(request.call.resumes)))
      return { ok: false, failure: notKnown(`The call at ${target.entry.title} was interrupted.`) };
    return await this.#answer(target, request, conversation);
  }

  /** No client comes back any more for what waited. */
  override async alarm(): Promise<void> {
    await this.#writes.forgetAll();
  }

  async #answer(
    target: ConnectionTarget,
    request: ConnectionRequest,
    conversation: Conversation,
  ): Promise<ConnectionAnswer> {
    const deadline = Date.now() + request.timeoutMs;
    const resilience = this.#resilienceOf(target);
    const attempt = (keep: KeepPlace) =>
      beginAgain(() => this.#attempt(target, request, deadline, conversation, keep));
    try {
      const value = await resilience.execute(request.repeatable, attemptUntil(deadline, attempt));
      return value instanceof PartialAnswer
        ? { ok: true, value: value.value, keep: false }
        : { ok: true, value };
    } catch (failure) {
      return { ok: false, failure: this.#explain(failure, resilience, target, request) };
    } finally {
      this.#cancels.forget(request.id);
    }
  }

  async cancel(id: string): Promise<void> {
    await this.#cancels.cancel(this.#conversations.firstId(id));
  }

  async probe(
    target: ConnectionTarget,
    secret: string | null,
    what: Inspected = "all",
  ): Promise<ProbeAnswer> {
    // The sockets of calls are as many as an object may have without it.
    if (/^[^:]+:\d+$/.test(this.ctx.id.name ?? ""))
      return await connectionGate(this.env, target.name, "probe", target.entry.location).probe(
        target,
        secret,
        what,
      );
    const probing = this.#probing.then(() => this.#probe(target, secret, what));
    this.#probing = probing.catch(() => {});
    return await probing;
  }

  async #probe(target: ConnectionTarget, secret: string | null, what: Inspected): Promise<ProbeAnswer> {
    let session: Session | undefined;
    try {
      session = await this.#open(target, secret, OPEN_MS, new Map());
      const report = await within(
        () => (session as Session).inspect(target, what),
        target.entry.limits.seconds * 1_000 + GRACE_MS,
      );
      return { ok: true, report };
    } catch (thrown) {
      const connector = await loadConnector(target);
      const cause = thrown instanceof Outage ? thrown.cause : thrown;
      const known = thrown instanceof RefusedRequest ? thrown.failure : connector.explain(cause, target);
      const failure =
        known ?? (await describeReach(cause, target, takesConnections)) ?? describeOutage(target.name);
      return { ok: false, failure };
    } finally {
      session?.close();
    }
  }

  async closeSessions(): Promise<void> {
    this.#account.forget();
    this.#answers.clear();
    // Before their client ends: its error would count as one of the other system.
    this.#sessions.closeAll();
    SharedClient.endIn(this.#memory);
  }

  async forgetAnswers(): Promise<void> {
    this.#answers.clear();
  }

  async state(): Promise<ConnectionState> {
    const { running, waiting, breaker } = this.#resilience?.state() ?? {
      running: 0,
      waiting: 0,
      breaker: "closed" as const,
    };
    const open = this.#sessions.size;
    return { open, running, waiting, breaker, lastFailure: this.#lastFailure, lastMs: this.#lastMs };
  }

  async #attempt(
    target: ConnectionTarget,
    request: ConnectionRequest,
    deadline: number,
    conversation: Conversation,
    keepPlace: KeepPlace,
  ) {
    this.#cancels.check(request.id);
    await this.#bound.check(this.env, target, deadline - Date.now(), () => this.closeSessions());
    await this.#account.requireReading(target);
    const key = await sessionKeyOf(this.env, target);
    await this.#sessions.formerEnded(deadline - Date.now());
    const { repeatable } = request;
    const known = this.#sessions.take(key, repeatable);
    const session = known ?? (await this.#openFor(target, key, deadline, repeatable));
    if (known !== undefined) this.ctx.waitUntil(this.#lookAgain(target));
    const start = Date.now();
    const left = deadline - start;
    const timeoutMs = Math.min(left, target.entry.limits.seconds * 1_000);
    const checkCancelled = () => this.#cancels.check(request.id);
    try {
      checkCancelled();
      if (left <= 0) throw new RefusedRequest(WAITED_TOO_LONG);
      this.#cancels.begin(request.id, session);
      const run = (hold: PauseDeadline) =>
        session.run(target, request, timeoutMs, { ...conversation.callerOf(hold), checkCancelled });
      const value = await this.#sessions.serve(session, () => within(run, timeoutMs + GRACE_MS));
      this.#lastMs = Date.now() - start;
      return value;
    } catch (failure) {
      if (failure instanceof TimedOut) {
        session.close();
        // The other system did not end it in its time. A repeat must not wait at a second socket that is lost.
        this.#sessions.dropIdle();
      }
      throw await classifyFailure(failure, target);
    } finally {
      await this.#cancels.settle(request.id, session);
      this.#sessions.giveBack(session);
      if (session.isLeft === true) keepPlace(this.#endLeft(session));
    }
  }

  /** Its socket closes meanwhile, and another call must not open one before: the object would have one too many. */
  async #endLeft(session: Session): Promise<void> {
    const ended = this.#cancels.endLeft(session);
    this.ctx.waitUntil(ended);
    await within(() => ended, GRACE_MS).catch(() => {});
  }

  async #openFor(
    target: ConnectionTarget,
    key: string,
    deadline: number,
    repeatable: boolean,
  ): Promise<Session> {
    for (;;) {
      const before = this.#sessions.closings;
      const left = deadline - Date.now();
      if (left <= 0) throw new RefusedRequest(WAITED_TOO_LONG);
      const opening = this.#open(target, null, Math.min(OPEN_MS, left));
      const session = await opening.catch((failure) => ClientInUse.wait(failure, deadline));
      if (session === undefined) continue;
      try {
        await this.#account.check(target, session);
      } catch (refusal) {
        session.close();
        this.#sessions.closeAll();
        throw refusal;
      }
      if (before === this.#sessions.closings) {
        this.#sessions.adopt(session, key, repeatable);
        return session;
      }
      // Its secret was changed meanwhile, maybe under a write that runs.
      session.close();
      await this.#sessions.formerEnded(deadline - Date.now());
    }
  }

  /**
   * Under calls that follow each other no session is opened, and the account may have changed. The object that tests the
   * connection looks: the sockets of calls are as many as an object may have.
   */
  async #lookAgain(target: ConnectionTarget): Promise<void> {
    await this.#account
      .refresh(target, async () => {
        const gate = connectionGate(this.env, target.name, "probe", target.entry.location);
        const answer = await gate.probe(target, null, "account");
        if (!answer.ok) throw new Error(answer.failure.message);
        return answer.report.excess;
      })
      .catch((failure: unknown) => {
        if (failure instanceof RefusedRequest) this.#sessions.closeAll();
      });
  }

  async #open(
    target: ConnectionTarget,
    given: string | null,
    timeoutMs = OPEN_MS,
    memory = this.#memory,
  ): Promise<Session> {
    const connector = await loadConnector(target);
    const left = budgetOf(timeoutMs);
    const source = secretSourceOf(target.name, target.entry);
    const secret = given ?? (await openSecret(this.env, source, target.entry.title, timeoutMs));
    const opening = connector.open(this.env, target, secret, memory, left());
    try {
      // The connector ends it in its time: given up before, its socket would be one more than the object may have.
      return await within(() => opening, left() + GRACE_MS);
    } catch (failure) {
      // A session that opens after the time limit is closed at once.
      opening.then((late) => late.close()).catch(() => {});
      if (failure instanceof RefusedRequest) throw failure;
      const known = failure instanceof TimedOut ? null : connector.explain(failure, target);
      throw known === null ? new Outage(false, failure) : new RefusedRequest(known);
    }
  }

  #explain(
    failure: unknown,
    resilience: Resilience,
    { name, entry }: ConnectionTarget,
    { repeatable }: ConnectionRequest,
  ): ConnectionFailure {
    const call = { connection: name, title: entry.title, repeatable };
    const { said, noted } = explainFailure(failure, call, () => resilience.secondsUntilProbe());
    if (noted !== null) this.#lastFailure = { at: Date.now(), message: noted };
    return said;
  }

  #resilienceOf({ name, entry, session }: ConnectionTarget): Resilience {
    this.#resilience ??= openResilience(name, () => {
      this.#account.forget();
      this.#sessions.dropIdle();
    });
    const shard = Number(/^[^:]+:(\d+)$/.exec(this.ctx.id.name ?? "")?.[1] ?? 0);
    const ofPerson = Math.min(SESSIONS_PER_OBJECT, entry.limits.concurrent);
    this.#resilience.resize(session === undefined ? shareOf(entry, shard) : ofPerson);
    return this.#resilience;
  }
}
