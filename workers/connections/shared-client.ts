import { LostSession, OPEN_MS, RefusedRequest } from "./connector.ts";

/** Where the memory of an object keeps the client of its sessions. */
const PLACE = "client";

/** A driver's client that is not connected yet, and what closes all its sockets at once. */
export interface OpenedClient<Client> {
  client: Client;
  close(): void;
}

/** A client for another place or secret still serves a request of the object. */
export class ClientInUse extends RefusedRequest {
  readonly #ended: Promise<void>;

  constructor(ended: Promise<void>) {
    const message = "The connection was changed, and a call of its former place or account still runs.";
    super({ code: "unavailable", message, retryAfter: 5, sent: false });
    this.#ended = ended;
  }

  /** Waits for the end of the client that a failure tells of, up to a moment of the clock. Rejects with every other failure. */
  static async wait(failure: unknown, until: number): Promise<undefined> {
    if (!(failure instanceof ClientInUse)) throw failure;
    await failure.ended(until - Date.now());
  }

  /** Resolves when the sockets of that client are closed. Rejects with itself after `mostMs`. */
  async ended(mostMs: number): Promise<void> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(this), Math.max(1, mostMs));
    try {
      await Promise.race([this.#ended, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * A driver's client with several sockets, which the sessions of one object share. An object has one client at a time: the
 * sockets of two are more than the platform gives.
 */
export class SharedClient<Client> {
  readonly client: Client;
  readonly #key: string;
  readonly #memory: Map<string, unknown>;
  readonly #close: () => void;
  readonly #ended = Promise.withResolvers<void>();
  #users = 0;
  #running = 0;
  #writes = 0;
  #isOpen = true;
  /** Whether reads that run are ended, too. */
  #isCut = false;
  #hasEnded = false;

  private constructor(key: string, { client, close }: OpenedClient<Client>, memory: Map<string, unknown>) {
    this.client = client;
    this.#key = key;
    this.#close = close;
    this.#memory = memory;
  }

  /**
   * The client of an object for one more session, which has to {@link release} it. Where the object has a client for another
   * place or secret, that one serves no further request, and this waits for the end of those that run. Rejects with
   * {@link ClientInUse} after half of `mostMs`: the other half is for the opening.
   *
   * @param key - equal for sessions that one client can serve
   * @param memory - that of the object
   * @param mostMs - {@link OPEN_MS} without it
   */
  static async use<Client>(
    key: string,
    make: () => OpenedClient<Client>,
    memory: Map<string, unknown>,
    mostMs = OPEN_MS,
  ): Promise<SharedClient<Client>> {
    const until = Date.now() + mostMs / 2;
    for (;;) {
      const known = memory.get(PLACE) as SharedClient<Client> | undefined;
      if (known === undefined || (known.#isOpen && known.#key === key)) {
        const shared = known ?? new SharedClient(key, make(), memory);
        memory.set(PLACE, shared);
        shared.#users += 1;
        return shared;
      }
      known.#leave();
      await new ClientInUse(known.#ended.promise).ended(until - Date.now());
    }
  }

  /**
   * Empties the memory of an object and ends its client, such as after a change of its secret: it serves no further request, and reads that run fail. A
   * write ends by itself, and the client stays there until then, since nothing would tell whether it was carried out.
   */
  static endIn(memory: Map<string, unknown>): void {
    const known = memory.get(PLACE) as SharedClient<unknown> | undefined;
    memory.clear();
    if (known === undefined) return;
    memory.set(PLACE, known);
    known.#isCut = true;
    known.#leave();
  }

  /** False once its sessions must not serve another request. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * Runs a request of a session, or its opening. Rejects with {@link LostSession} where the client serves none any more.
   *
   * @param isWrite - it must not be ended before it is answered
   */
  async run<Value>(work: () => Promise<Value>, isWrite = false): Promise<Value> {
    if (!this.#isOpen) throw new LostSession("The client of the session is for a former place or secret.");
    this.#running += 1;
    if (isWrite) this.#writes += 1;
    try {
      return await work();
    } finally {
      this.#running -= 1;
      if (isWrite) this.#writes -= 1;
      if (!this.#isOpen) this.#endIfServed();
    }
  }

  /** Ends a session's use; the last one closes the sockets. */
  release(): void {
    this.#users -= 1;
    if (this.#users === 0) this.#end();
  }

  /** Serves no further request. Sessions that are idle do not keep the sockets. */
  #leave(): void {
    this.#isOpen = false;
    this.#endIfServed();
  }

  #endIfServed(): void {
    if ((this.#isCut ? this.#writes : this.#running) === 0) this.#end();
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#isOpen = false;
    // One that was ended before is not in the memory any more: another one may be there.
    if (this.#memory.get(PLACE) === this) this.#memory.delete(PLACE);
    this.#close();
    this.#ended.resolve();
  }
}
