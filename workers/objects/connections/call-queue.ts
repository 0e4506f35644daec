import { BulkheadRejectedError } from "cockatiel";

/** Keeps the place of a call that is over until something else is, too. */
export type KeepPlace = (until: Promise<unknown>) => void;

/** Runs a number of calls at a time; a number of others wait for their turn. The first number may change. */
export class CallQueue {
  readonly #mostWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #slots = 1;

  constructor(mostWaiting: number) {
    this.#mostWaiting = mostWaiting;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** How many calls run at a time from now on. Those that run go on. */
  resize(slots: number): void {
    this.#slots = slots;
    this.#next();
  }

  /** Runs `work` in its turn. Throws {@link BulkheadRejectedError} if too many wait. */
  async execute<Value>(work: (keepPlace: KeepPlace) => Promise<Value>): Promise<Value> {
    if (this.#running < this.#slots) this.#running += 1;
    else await this.#wait();
    const kept: Promise<unknown>[] = [];
    const leave = () => {
      this.#running -= 1;
      this.#next();
    };
    try {
      return await work((until) => kept.push(until));
    } finally {
      if (kept.length === 0) leave();
      else void Promise.allSettled(kept).then(leave);
    }
  }

  #wait(): Promise<void> {
    if (this.#waiting.length >= this.#mostWaiting)
      throw new BulkheadRejectedError(this.#slots, this.#mostWaiting);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** A call that waits takes its slot before anything else can. */
  #next(): void {
    while (this.#running < this.#slots && this.#waiting.length > 0) {
      this.#running += 1;
      this.#waiting.shift()?.();
    }
  }
}
