import { SlidingLog, WINDOW_MS } from "../../../shared/guard/sliding-log.ts";

/** Requests per app of a user and minute that are not calls: lists, `initialize`, streams. */
export const REQUESTS_PER_MINUTE = 600;

/**
 * Limits requests that `admit` does not count, per app. Kept in memory: nothing is written for a request that
 * only lists, so an evicted object starts empty. A refused request consumes nothing.
 */
export class RequestLimiter {
  readonly #logs = new Map<string, SlidingLog>();
  #sweptAt = 0;

  /** Counts one request and returns 0, or the whole seconds until one more fits. */
  take(clientId: string, now: number): number {
    this.#sweep(now);
    let log = this.#logs.get(clientId);
    if (log === undefined) {
      log = new SlidingLog();
      this.#logs.set(clientId, log);
    }
    const wait = log.waitFor(REQUESTS_PER_MINUTE, now);
    if (wait > 0) return Math.ceil(wait / 1000);
    log.add(now);
    return 0;
  }

  #sweep(now: number): void {
    if (Math.abs(now - this.#sweptAt) < WINDOW_MS) return;
    this.#sweptAt = now;
    for (const [clientId, log] of this.#logs) if (log.isEmpty(now)) this.#logs.delete(clientId);
  }
}
