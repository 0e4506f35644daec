import {
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleType,
  handleWhen,
  retry,
  wrap,
} from "cockatiel";
import { log } from "../../../shared/observe/log.ts";
import { CallQueue, type KeepPlace } from "./call-queue.ts";
import { Outage } from "./outage.ts";

/** Requests that wait for a session of one object. */
const QUEUE = 24;

/** Outages in a row after which requests are refused at once. */
const BREAK_AFTER = 5;

/** Milliseconds until one request probes a system that was away. */
const PROBE_AFTER_MS = 5_000;

/** What stands between calls and a system that fails. */
export interface Resilience {
  /** Runs `work` through queue and breaker; once more after a lost connection if it may be repeated. */
  execute<Value>(repeatable: boolean, work: (keepPlace: KeepPlace) => Promise<Value>): Promise<Value>;
  /** How many requests run at a time from now on. */
  resize(slots: number): void;
  state(): { running: number; waiting: number; breaker: "closed" | "open" | "half_open" };
  secondsUntilProbe(): number;
}

/**
 * Opens the queue and the breaker of one object of a connection. Only an {@link Outage} counts as a failure.
 *
 * @param onBreak - called each time that the breaker opens
 */
export function openResilience(connection: string, onBreak: () => void = () => {}): Resilience {
  const queue = new CallQueue(QUEUE);
  const breaker = circuitBreaker(handleType(Outage), {
    halfOpenAfter: PROBE_AFTER_MS,
    breaker: new ConsecutiveBreaker(BREAK_AFTER),
  });
  let brokenAt = 0;
  breaker.onStateChange((state) => {
    if (state === CircuitState.Open) {
      brokenAt = Date.now();
      onBreak();
    }
    log(state === CircuitState.Closed ? "info" : "warn", "connection_breaker", {
      connection,
      state: NAMES[state],
    });
  });
  // A request that was not sent may be sent again, whatever it does.
  const once = retry(
    handleWhen((failure) => failure instanceof Outage && !failure.isSent),
    BACKOFF,
  );
  const again = retry(handleType(Outage), BACKOFF);
  const safe = wrap(again, breaker);
  const unsafe = wrap(once, breaker);
  return {
    execute: (repeatable, work) => (repeatable ? safe : unsafe).execute(() => queue.execute(work)),
    resize: (slots) => queue.resize(slots),
    state: () => ({
      running: queue.running,
      waiting: queue.waiting,
      breaker: NAMES[breaker.state],
    }),
    secondsUntilProbe: () => Math.max(1, Math.ceil((brokenAt + PROBE_AFTER_MS - Date.now()) / 1_000)),
  };
}

const BACKOFF = { maxAttempts: 1, backoff: new ExponentialBackoff({ initialDelay: 50, maxDelay: 400 }) };

const NAMES = {
  [CircuitState.Closed]: "closed",
  [CircuitState.Open]: "open",
  [CircuitState.HalfOpen]: "half_open",
  [CircuitState.Isolated]: "open",
} as const;

/** Attempts until a deadline, in milliseconds of the clock: afterwards a repeat gives the failure of the attempt before. */
export function attemptUntil<Value>(
  deadline: number,
  attempt: (keepPlace: KeepPlace) => Promise<Value>,
): (keepPlace: KeepPlace) => Promise<Value> {
  let earlier: { failure: unknown } | undefined;
  return async (keepPlace) => {
    if (earlier !== undefined && Date.now() >= deadline) throw earlier.failure;
    try {
      return await attempt(keepPlace);
    } catch (failure) {
      earlier = { failure };
      throw failure;
    }
  };
}
