import { reject } from "./refuse.ts";

/** How much larger a statement may make a text by repeating or padding it, all calls multiplied. */
const MOST_GROWTH = 1_000_000;

/** Most rows of a series between two written numbers. */
const MOST_ROWS = 100_000;

/**
 * Refuses the visible ways to ask for a huge value. What grows by data (`replace`, aggregates, joins) is not
 * visible in a statement; the server's limits of time and memory stop it.
 */
export class Growth {
  #product = 1;

  /** Adds a call that repeats or pads to `length`; `null` for a length that is not a plain number. */
  grow(name: string, length: number | null): void {
    if (length === null) throw reject(`The length in ${name}() must be a plain number.`);
    this.#product *= Math.max(1, length);
    if (this.#product > MOST_GROWTH)
      throw reject(`${name}() makes a text too long; all lengths multiplied may reach ${MOST_GROWTH}.`);
  }

  /** Checks a series of plain numbers; other series pass. */
  checkSeries(bounds: readonly (number | null)[]): void {
    const [first, last, step = 1] = bounds;
    if (typeof first !== "number" || typeof last !== "number") return;
    if (step === null || step === 0 || Math.abs((last - first) / step) > MOST_ROWS)
      throw reject(`The series has too many rows; at most ${MOST_ROWS} are allowed.`);
  }
}
