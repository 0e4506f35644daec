import type { ConnectionAttempt } from "../../../shared/audit/record.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { PauseDeadline } from "../../../shared/guard/run.ts";
import type {
  ConnectionAnswer,
  ConnectionCaller,
  ConnectionRequest,
  ForeignQuestion,
} from "../../../shared/objects/connection-gate.ts";
import { RefusedRequest, type SessionCaller } from "../../connections/connector.ts";
import type { WaitingWrites } from "./waiting-writes.ts";

/** Milliseconds that a request of a client that left waits for the client to come back with an answer. */
const PARKED_MS = 5 * 60_000;

/** Most questions of one request: each one stops a person, or costs the tokens of their model. */
const MOST_QUESTIONS = 20;

/** Most progress and log messages of one request that reach its client: each one is a request to it. */
const MOST_SAID = 500;

/** A question without an answer yet. */
interface OpenQuestion {
  question: ForeignQuestion;
  resolve(value: JsonValue): void;
  reject(failure: unknown): void;
}

/**
 * One request and the calls that it serves one after the other: a stateless client answers a question of the
 * other system in a new call, and the request goes on where it was.
 */
export class Conversation {
  readonly #onParked: () => void;
  readonly #open = new Set<OpenQuestion>();
  /** Keys of its questions, and those of questions that Gatehouse asks by itself in the same call. */
  readonly #keys = new Set(["connect_account", "approval_page", "factor_page"]);
  #caller: ConnectionCaller | undefined;
  #answer: Promise<ConnectionAnswer> | undefined;
  #isOver = false;
  #leave: (answer: ConnectionAnswer) => void = () => {};
  /** What is on its way to the client. */
  readonly #said = new Set<Promise<void>>();
  readonly #refused = new Set<ConnectionAttempt>();
  #questions = 0;
  #messages = 0;

  constructor(onParked: () => void) {
    this.#onParked = onParked;
  }

  begin(answer: Promise<ConnectionAnswer>): void {
    this.#answer = answer.finally(() => {
      this.#isOver = true;
    });
  }

  /** Whether the request is answered. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Serves a call until the request is answered, or the call has to leave to get an answer. */
  async attach(caller: ConnectionCaller | undefined): Promise<ConnectionAnswer> {
    const { promise: left, resolve } = Promise.withResolvers<ConnectionAnswer>();
    this.#caller = caller;
    this.#leave = resolve;
    for (const open of this.#open) this.#put(open);
    try {
      const answer = await Promise.race([this.#answer as Promise<ConnectionAnswer>, left]);
      // An answer that overtakes the last of them ends the client's stream before it.
      await Promise.all(this.#said);
      return answer;
    } finally {
      // The caller's functions end with its call.
      if (this.#caller === caller) this.#caller = undefined;
    }
  }

  /** The request's view of the call that it serves at each moment. */
  callerOf(hold: PauseDeadline): Omit<SessionCaller, "checkCancelled"> {
    return {
      progress: (done, total, message) => this.#tell((caller) => caller.progress(done, total, message)),
      log: (level, data) => this.#tell((caller) => caller.log(level, data)),
      ask: (question) => hold(this.#ask(question)),
      refused: (attempt) => this.#note(attempt),
    };
  }

  /** Nothing will answer any more. */
  end(): void {
    const failure = new RefusedRequest({
      code: "cancelled",
      message: "The question was not answered in time.",
    });
    for (const { reject } of this.#open) reject(failure);
    this.#open.clear();
  }

  #say(tell: (caller: ConnectionCaller) => Promise<void>): void {
    if (this.#caller === undefined) return;
    const saying = Promise.resolve(tell(this.#caller)).catch(() => {});
    this.#said.add(saying);
    void saying.finally(() => this.#said.delete(saying));
  }

  /** A server may send them without an end. */
  #tell(tell: (caller: ConnectionCaller) => Promise<void>): void {
    this.#messages += 1;
    if (this.#messages <= MOST_SAID) this.#say(tell);
  }

  /** Once for each kind, as it is recorded. */
  #note(attempt: ConnectionAttempt): void {
    if (this.#caller === undefined || this.#refused.has(attempt)) return;
    this.#refused.add(attempt);
    this.#say((caller) => caller.refused(attempt));
  }

  async #ask(question: ForeignQuestion): Promise<JsonValue> {
    this.#questions += 1;
    if (this.#questions > MOST_QUESTIONS) {
      this.#note("question");
      throw new RefusedRequest({ code: "forbidden", message: "One call asks too many questions." });
    }
    const { promise, resolve, reject } = Promise.withResolvers<JsonValue>();
    // The same in every call that puts the question: its answer is found by it.
    const open = {
      question: { ...question, key: this.#claimKey(question.key ?? "question") },
      resolve,
      reject,
    };
    this.#open.add(open);
    this.#put(open);
    return await promise;
  }

  #claimKey(wanted: string): string {
    let key = wanted;
    for (let number = 2; this.#keys.has(key); number += 1) key = `${wanted}_${number}`;
    this.#keys.add(key);
    return key;
  }

  #put(open: OpenQuestion): void {
    const caller = this.#caller;
    if (caller === undefined) return;
    const settle = (work: () => void) => {
      this.#open.delete(open);
      work();
    };
    caller.ask(open.question).then(
      (answer) => {
        if (answer.kind === "answer") return settle(() => open.resolve(answer.value));
        if (!answer.resumes) {
          const failure = { code: "cancelled", message: "The client cannot be asked." } as const;
          settle(() => open.reject(new RefusedRequest(failure)));
        } else this.#onParked();
        this.#leave({ ok: false, failure: { code: "cancelled", message: "The call waits for an answer." } });
      },
      (failure: unknown) => settle(() => open.reject(failure)),
    );
  }
}

/** The requests of one object that run, and those that wait for their client. */
export class Conversations {
  readonly #parked = new Map<
    string,
    { conversation: Conversation; id: string; timer: ReturnType<typeof setTimeout> }
  >();
  readonly #firstIds = new Map<string, string>();
  readonly #cancel: (id: string) => Promise<void>;
  readonly #writes: WaitingWrites;

  /** @param cancel - ends a request at the other system, by the id of the call that began it */
  constructor(cancel: (id: string) => Promise<void>, writes: WaitingWrites) {
    this.#cancel = cancel;
    this.#writes = writes;
  }

  /** A waiting request that this call goes on with, or a new one. */
  open({ id, call, repeatable }: ConnectionRequest): { conversation: Conversation; isNew: boolean } {
    const parked = call && this.#parked.get(call.resumes);
    if (call && parked) {
      clearTimeout(parked.timer);
      this.#parked.delete(call.resumes);
      this.#firstIds.set(id, parked.id);
      return { conversation: parked.conversation, isNew: false };
    }
    const conversation: Conversation = new Conversation(() => {
      this.#park(id, call?.resumes, conversation);
      if (call !== undefined && !repeatable) this.#writes.note(call.resumes);
    });
    return { conversation, isNew: true };
  }

  /** The id of the call that began the request which this call goes on with. */
  firstId(id: string): string {
    return this.#firstIds.get(id) ?? id;
  }

  /** The call is over: nothing cancels it any more. */
  leave(id: string): void {
    this.#firstIds.delete(id);
  }

  #park(id: string, resumes: string | undefined, conversation: Conversation): void {
    if (resumes === undefined || this.#parked.has(resumes)) return;
    const timer = setTimeout(() => {
      this.#parked.delete(resumes);
      conversation.end();
      void this.#cancel(id);
    }, PARKED_MS);
    this.#parked.set(resumes, { conversation, id, timer });
  }
}
