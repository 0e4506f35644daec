/** A call with a slot: its start, and its lease in milliseconds. */
export interface Place {
  callId: string;
  at: number;
  leaseMs: number;
}

/**
 * The running calls. A call frees its slot with its outcome. Without an outcome the slot is freed when its
 * lease ends, also while the call waits for a person: waiting is not work.
 */
export class RunningCalls {
  #places: Place[];

  constructor(places: readonly Place[]) {
    this.#places = [...places];
  }

  /** Milliseconds until one more fits under `limit` at the latest; 0 if it fits now. */
  waitFor(limit: number, now: number): number {
    // A clock that jumped back must not extend a lease.
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
