/** Milliseconds for which an answer is reused. */
const FRESH_MS = 5_000;

/** Milliseconds after which a running computation counts as lost: its request may have been cancelled. */
const LOOK_MS = 5_000;

/**
 * Caches an expensive result for five seconds. When it is older, one request computes it while the others get
 * the old one, so a flood of requests costs one computation in five seconds. A request never awaits another
 * request's promise, which the runtime does not reliably allow.
 */
export class RememberedAnswer<Answer> {
  readonly #clock: () => number;
  #known: { answer: Answer; at: number } | undefined;
  #lookingSince: number | undefined;

  constructor(clock: () => number = () => Date.now()) {
    this.#clock = clock;
  }

  async get(compute: () => Promise<Answer>): Promise<Answer> {
    const now = this.#clock();
    const known = this.#known;
    const isFresh = known !== undefined && isWithin(now - known.at, FRESH_MS);
    const isLooking = this.#lookingSince !== undefined && isWithin(now - this.#lookingSince, LOOK_MS);
    const mayWait = known !== undefined && isWithin(now - known.at, FRESH_MS + LOOK_MS);
    if (known !== undefined && (isFresh || (isLooking && mayWait))) return known.answer;
    this.#lookingSince = now;
    try {
      const answer = await compute();
      // Dated to its start: later changes are not in it.
      this.#known = { answer, at: now };
      return answer;
    } finally {
      if (this.#lookingSince === now) this.#lookingSince = undefined;
    }
  }
}

/** A negative age means that the clock jumped back. */
function isWithin(age: number, most: number): boolean {
  return age >= 0 && age < most;
}
