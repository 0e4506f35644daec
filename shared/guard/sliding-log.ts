/** Length in milliseconds of the window for per-minute limits. */
export const WINDOW_MS = 60_000;

/**
 * A sliding window log: the times of admitted calls for one limit. It is exact, while fixed windows admit
 * twice the limit around their border and weighted counters estimate
 * (https://blog.cloudflare.com/counting-things-a-lot-of-different-things/). It costs one number per call
 * within the window, which the limit bounds.
 *
 * A window is half-open: a call at `t` counts until just before `t + WINDOW_MS`. If the clock jumps back,
 * times in the future count as now: no call is admitted too early or delayed longer than one window.
 */
export class SlidingLog {
  #times: number[] = [];

  /** Milliseconds until one more call fits under `limit` (at least 1); 0 if it fits now. */
  waitFor(limit: number, now: number): number {
    this.#advance(now);
    const freeing = this.#times[this.#times.length - limit];
    return freeing === undefined ? 0 : freeing + WINDOW_MS - now;
  }

  /** Records a call admitted at `now`. */
  add(now: number): void {
    this.#advance(now);
    this.#times.push(now);
  }

  /** Whether no call is left within the window. */
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
