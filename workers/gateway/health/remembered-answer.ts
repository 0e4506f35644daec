/** Milliseconds for which an answer is given again. */
const FRESH_MS = 5_000;

/** Milliseconds after which a look that has not ended counts as lost: its request may have been cancelled. */
const LOOK_MS = 5_000;

/**
 * Answers a costly question from memory while the last answer is at most five seconds old. When it is older, one
 * request looks and the others get the last answer meanwhile, so that a flood of requests costs one look in five
 * seconds. A request never waits for a promise of another one, which the runtime does not allow for certain.
 */
export class RememberedAnswer<Answer> {
  readonly #clock: () => number;
  #known: { answer: Answer; at: number } | undefined;
  #lookingSince: number | undefined;

  constructor(clock: () => number = () => Date.now()) {
    this.#clock = clock;
  }

  async get(look: () => Promise<Answer>): Promise<Answer> {
    const now = this.#clock();
    const known = this.#known;
    const isFresh = known !== undefined && isWithin(now - known.at, FRESH_MS);
    const isLooking = this.#lookingSince !== undefined && isWithin(now - this.#lookingSince, LOOK_MS);
    const mayWait = known !== undefined && isWithin(now - known.at, FRESH_MS + LOOK_MS);
    if (known !== undefined && (isFresh || (isLooking && mayWait))) return known.answer;
    this.#lookingSince = now;
    try {
      const answer = await look();
      // As of its start: what changed while it looked is not in it.
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
