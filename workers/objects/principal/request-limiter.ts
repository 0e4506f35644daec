import { SlidingLog, WINDOW_MS } from "../../../shared/guard/sliding-log.ts";

/** Requests of one app of a person within any minute that are no calls: lists, `initialize`, streams. */
export const REQUESTS_PER_MINUTE = 600;

/**
 * Bounds what `admit` does not count, app by app. Kept in memory: nothing is written for a request that only shows
 * names, so an object that was evicted begins anew. A refused request uses nothing up.
 */
export class RequestLimiter {
  readonly #logs = new Map<string, SlidingLog>();
  #sweptAt = 0;

  /** Counts one request, or says in how many whole seconds one more fits. 0: it fits. */
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
