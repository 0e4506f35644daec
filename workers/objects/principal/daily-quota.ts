const DAY_MS = 24 * 60 * 60_000;

/** What was used on one day: its number since 1970-01-01 (UTC), and units. */
export interface DayUse {
  day: number;
  units: number;
}

/**
 * The units used since midnight UTC: a fixed window, because a person can be told when it ends, and because a log of
 * a day would be long. When the clock jumps back over midnight, what was used stays used on the day that it is now.
 */
export class DailyQuota {
  #use: DayUse;

  constructor(use: DayUse) {
    this.#use = use;
  }

  /** Milliseconds until `units` more fit under `limit`; 0 when they fit now. */
  waitFor(units: number, limit: number, now: number): number {
    const day = Math.floor(now / DAY_MS);
    if (day > this.#use.day) this.#use = { day, units: 0 };
    if (day < this.#use.day) this.#use = { ...this.#use, day };
    return this.#use.units + units <= limit ? 0 : (day + 1) * DAY_MS - now;
  }

  /** Call {@link waitFor} first. */
  spend(units: number): void {
    this.#use = { ...this.#use, units: this.#use.units + units };
  }

  read(): DayUse {
    return this.#use;
  }
}
