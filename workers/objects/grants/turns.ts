/** Milliseconds after which a lease expires because its holder is gone. */
const TURN_MS = 10_000;
/** Most milliseconds that a request waits for its lease. */
const MAX_WAIT_MS = 20_000;
/** Requests that may wait for the same name; more are refused at once. */
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
 * One lease at a time per name, in order of arrival. Kept in memory: after an eviction all leases are over,
 * which is safe because writes compare versions as well; a lease only spares the losers a conflict.
 */
export class Turns {
  readonly #lines = new Map<string, Line>();

  /** Waits for a lease. Resolves with its id, or `null` if the queue is too long or too slow. */
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
        }, MAX_WAIT_MS),
      };
      line.waiting.push(waiter);
    });
  }

  /** Ends a lease and grants the next one. An expired lease is ignored. */
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
