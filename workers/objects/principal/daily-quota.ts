const DAY_MS = 24 * 60 * 60_000;

/** Units used on one day, with its number since 1970-01-01 (UTC). */
export interface DayUse {
  day: number;
  units: number;
}

/**
 * The units used since midnight UTC: a fixed window, because its end can be told to the user, and because a
 * log of a day would be long. If the clock jumps back over midnight, the used units count for the current
 * day.
 */
export class DailyQuota {
  #use: DayUse;

  constructor(use: DayUse) {
    this.#use = use;
  }

  /** Milliseconds until `units` more fit under `limit`; 0 if they fit now. */
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
