/**
 * Milliseconds between two decisions in memory, for a role whose rights change with the time of day. Every other change is
 * announced: a stream asks no object and no database by itself before its token ends.
 */
const DECIDE_MS = 60_000;

/** Longest milliseconds without a look, for tokens that do not end. */
const LONGEST_MS = 60 * 60_000;

/** Milliseconds between two looks of a stream whose token has ended, while a read of it is on its way. */
const ENDED_MS = 1_000;

/** What a stream tells its timer. */
export interface LookReasons {
  /** When its token ends, in milliseconds since the epoch. */
  until: number;
  /** Whether rights change with time by themselves. */
  changesWithTime(): boolean;
  /** Whether rights differ from those of the last look. Asks nothing outside of this isolate. */
  haveChanged(): boolean;
  /** Asks for access, and reads again. */
  look(): void;
}

/** Lets a stream look by itself: when its token ends, and when time alone has changed its rights. Runs until `stop`. */
export class LookTimer {
  readonly #reasons: LookReasons;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(reasons: LookReasons) {
    this.#reasons = reasons;
    this.#wait(Date.now() + LONGEST_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #wait(latest: number): void {
    const { until } = this.#reasons;
    const now = Date.now();
    // An end that has passed is no reason to look at once: the look for it may wait for a read.
    const at = Math.min(now < until ? until : now + ENDED_MS, latest);
    const left = Math.max(0, at - now);
    const ms = this.#reasons.changesWithTime() ? Math.min(DECIDE_MS, left) : left;
    this.#timer = setTimeout(() => {
      const isOver = Date.now() >= at;
      // Set before the look: one that ends the stream stops this timer.
      this.#wait(isOver ? Math.max(at, Date.now()) + LONGEST_MS : at);
      if (isOver || this.#reasons.haveChanged()) this.#reasons.look();
    }, ms);
  }
}
