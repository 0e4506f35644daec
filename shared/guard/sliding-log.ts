/** Milliseconds that the limits «a minute» look back. */
export const WINDOW_MS = 60_000;

/**
 * The times of what was let through, for one limit: a sliding window log. It is exact where fixed windows let twice
 * the limit pass around their border and where counters that weigh two windows estimate
 * (https://blog.cloudflare.com/counting-things-a-lot-of-different-things/). Its price, one number for each call
 * within the window, is bounded by the limit.
 *
 * A window is half-open: what happened at `t` counts until just before `t + WINDOW_MS`.
 * When the clock jumps back, times that now lie ahead are taken for now: nothing is let through too early, and
 * nothing is held longer than one window.
 */
export class SlidingLog {
  #times: number[] = [];

  /** Milliseconds until one more fits under `limit` (at least 1); 0 when it fits now. */
  waitFor(limit: number, now: number): number {
    this.#advance(now);
    const freeing = this.#times[this.#times.length - limit];
    return freeing === undefined ? 0 : freeing + WINDOW_MS - now;
  }

  /** Writes down what was let through at `now`. */
  add(now: number): void {
    this.#advance(now);
    this.#times.push(now);
  }

  /** Whether nothing within the window is left. */
  isEmpty(now: number): boolean {
    this.#advance(now);
    return this.#times.length === 0;
  }

  #advance(now: number): void {
    if ((this.#times.at(-1) ?? 0) > now) this.#times = this.#times.map((time) => Math.min(time, now));
    const kept = this.#times.findIndex((time) => time > now - WINDOW_MS);
    if (kept !== 0) this.#times = kept === -1 ? [] : this.#times.slice(kept);
  }
}
