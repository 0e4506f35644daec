/** Milliseconds after which a turn that nobody ended is over: its holder is gone, and the next one may go on. */
const TURN_MS = 10_000;
/** Milliseconds that a request waits for its turn at most. */
const PATIENCE_MS = 20_000;
/** Requests that may wait for the same thing; more are turned away at once. */
const LINE_LENGTH = 256;

interface Waiter {
  call(lease: string): void;
  giveUp: ReturnType<typeof setTimeout>;
}

interface Line {
  lease: string;
  expiry: ReturnType<typeof setTimeout>;
  waiting: Waiter[];
}

/**
 * One turn at a time per name, in the order of arrival. Kept in memory: when the object is evicted all turns are
 * over, which is safe because writes compare versions as well; turns only spare the losers a conflict.
 */
export class Turns {
  readonly #lines = new Map<string, Line>();

  /** Waits for a turn. Resolves with the lease that ends it, or `null` when the line is too long or too slow. */
  take(name: string): Promise<string | null> {
    const line = this.#lines.get(name);
    if (line === undefined) return Promise.resolve(this.#begin(name, []));
    if (line.waiting.length >= LINE_LENGTH) return Promise.resolve(null);
    return new Promise((resolve) => {
      const waiter: Waiter = {
        call: resolve,
        giveUp: setTimeout(() => {
          const waiting = this.#lines.get(name)?.waiting;
          waiting?.splice(waiting.indexOf(waiter), 1);
          resolve(null);
        }, PATIENCE_MS),
      };
      line.waiting.push(waiter);
    });
  }

  /** Ends a turn and calls the next in line. A lease that is over already ends nothing. */
  end(name: string, lease: string): void {
    const line = this.#lines.get(name);
    if (line?.lease !== lease) return;
    clearTimeout(line.expiry);
    const next = line.waiting.shift();
    if (next === undefined) {
      this.#lines.delete(name);
      return;
    }
    clearTimeout(next.giveUp);
    next.call(this.#begin(name, line.waiting));
  }

  #begin(name: string, waiting: Waiter[]): string {
    const lease = crypto.randomUUID();
    const expiry = setTimeout(() => this.end(name, lease), TURN_MS);
    this.#lines.set(name, { lease, expiry, waiting });
    return lease;
  }
}
