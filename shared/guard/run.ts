import type { CachedAnswer } from "../call/cached-answer.ts";
import type { ReadLabel } from "../call/flow-labels.ts";
import { ToolError } from "../call/tool-error.ts";
import type { Entry } from "../server/catalogue.ts";
import type { ContextRecorder } from "./context-recorder.ts";
import type { RequestContext } from "./request-context.ts";

/** Milliseconds that a call may take unless its definition says otherwise. */
export const DEFAULT_TIMEOUT_MS = 20_000;

/** Awaits a person's answer with the deadline paused. */
export type PauseDeadline = <T>(waiting: Promise<T>) => Promise<T>;

/** Milliseconds until the deadline, without paused time. */
export type TimeLeft = () => number;

/** What the work of a call gets from the guard. */
export interface Run {
  callId: string;
  /** The request as it was admitted: with the role and the policy that count now. */
  ctx: RequestContext;
  /** Aborted on cancel, hang-up and deadline. */
  signal: AbortSignal;
  pause: PauseDeadline;
  timeLeft: TimeLeft;
  /** The session's context: a snapshot, and the changes that are stored with the answer. */
  context: ContextRecorder;
  /** See `CallContext.meets`. */
  meets(labels: readonly ReadLabel[]): void;
  /** See `CallContext.fromCache`. */
  fromCache(cached: CachedAnswer): void;
  /** Opens the data of an entry's server; the guard closes it when the call ends. */
  openStore(entry: Entry<unknown>): Promise<unknown>;
}

/**
 * Step 3: runs the work under a deadline and the client's cancellation. The work gets a signal that both
 * abort, a way to pause the deadline while a person is asked, and the time left. If the work ignores the
 * signal, the caller still gets `timeout` or `cancelled` at once.
 */
export async function runBounded<T>(
  clientSignal: AbortSignal,
  timeoutMs: number,
  work: (signal: AbortSignal, hold: PauseDeadline, timeLeft: TimeLeft) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const stop = (error: ToolError) => {
    controller.abort(error);
    reject(error);
  };
  const deadline = new Deadline(timeoutMs, () => {
    stop(new ToolError("timeout", `The call took longer than ${timeoutMs / 1000} seconds and was stopped.`));
  });
  const onCancel = () => stop(new ToolError("cancelled", "The client cancelled the call."));
  if (clientSignal.aborted) onCancel();
  else clientSignal.addEventListener("abort", onCancel, { once: true });
  try {
    const running = work(
      controller.signal,
      (waiting) => deadline.hold(waiting),
      () => deadline.left(),
    );
    return await Promise.race([running, stopped]);
  } finally {
    deadline.end();
    clientSignal.removeEventListener("abort", onCancel);
  }
}

/** A timer that several waits can pause at once; it continues when the last one ends. */
export class Deadline {
  readonly #onExpired: () => void;
  #left: number;
  #startedAt = 0;
  #holds = 0;
  #ended = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(timeoutMs: number, onExpired: () => void) {
    this.#left = timeoutMs;
    this.#onExpired = onExpired;
    this.#start();
  }

  async hold<T>(waiting: Promise<T>): Promise<T> {
    this.#holds += 1;
    if (this.#holds === 1) this.#pause();
    try {
      return await waiting;
    } finally {
      this.#holds -= 1;
      if (this.#holds === 0 && !this.#ended) this.#start();
    }
  }

  left(): number {
    return this.#holds > 0 ? this.#left : Math.max(0, this.#left - (Date.now() - this.#startedAt));
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  #start(): void {
    this.#startedAt = Date.now();
    this.#timer = setTimeout(this.#onExpired, this.#left);
  }

  #pause(): void {
    clearTimeout(this.#timer);
    this.#left = Math.max(0, this.#left - (Date.now() - this.#startedAt));
  }
}
