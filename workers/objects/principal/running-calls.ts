/** A call that has a place: since when, and for how many milliseconds at most. */
export interface Place {
  callId: string;
  at: number;
  leaseMs: number;
}

/**
 * The calls that run now. A call gives its place back with its outcome; one whose outcome never comes loses it when
 * its lease ends, and so does one that waits for a person longer than that: waiting is not work.
 */
export class RunningCalls {
  #places: Place[];

  constructor(places: readonly Place[]) {
    this.#places = [...places];
  }

  /** Milliseconds until one more fits under `limit` at the latest; 0 when it fits now. */
  waitFor(limit: number, now: number): number {
    // A clock that jumped back must not stretch a lease.
    this.#places = this.#places
      .map((place) => (place.at > now ? { ...place, at: now } : place))
      .filter(({ at, leaseMs }) => at + leaseMs > now);
    if (this.#places.length < limit) return 0;
    const ends = this.#places.map(({ at, leaseMs }) => at + leaseMs).sort((a, b) => a - b);
    return (ends[ends.length - limit] ?? now) - now;
  }

  start(place: Place): void {
    this.#places.push(place);
  }

  end(callId: string): void {
    this.#places = this.#places.filter((place) => place.callId !== callId);
  }

  get count(): number {
    return this.#places.length;
  }
}
