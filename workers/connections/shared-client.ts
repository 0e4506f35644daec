/** Where the memory of an object keeps the client of its sessions. */
const PLACE = "client";

/** A driver's client that is not connected yet, and what closes all its sockets at once. */
export interface OpenedClient<Client> {
  client: Client;
  close(): void;
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
  #isOpen = true;

  private constructor(key: string, { client, close }: OpenedClient<Client>, memory: Map<string, unknown>) {
    this.client = client;
    this.#key = key;
    this.#close = close;
    this.#memory = memory;
  }

  /**
   * The client of an object for one more session, which has to {@link release} it. Where the object has a client for another
   * place or secret, its sessions serve no further request, and this waits for their end. Rejects after `mostMs`.
   *
   * @param key - equal for sessions that one client can serve
   * @param memory - that of the object
   */
  static async use<Client>(
    key: string,
    make: () => OpenedClient<Client>,
    memory: Map<string, unknown>,
    mostMs: number,
  ): Promise<SharedClient<Client>> {
    const until = Date.now() + mostMs;
    for (;;) {
      const known = memory.get(PLACE) as SharedClient<Client> | undefined;
      if (known === undefined || (known.#isOpen && known.#key === key)) {
        const shared = known ?? new SharedClient(key, make(), memory);
        memory.set(PLACE, shared);
        shared.#users += 1;
        return shared;
      }
      await known.#leave(until - Date.now());
    }
  }

  /** Closes the client of an object at once, such as after a change of its secret: what runs on it fails. */
  static endIn(memory: ReadonlyMap<string, unknown>): void {
    const known = memory.get(PLACE) as SharedClient<unknown> | undefined;
    if (known !== undefined) known.#end();
  }

  /** False once its sessions must not serve another request. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Ends a session's use; the last one closes the sockets. */
  release(): void {
    this.#users -= 1;
    if (this.#users === 0) this.#end();
  }

  /** Resolves when the sockets are closed. */
  async #leave(mostMs: number): Promise<void> {
    this.#isOpen = false;
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new Error("Another client of the object is still in use.")),
      Math.max(1, mostMs),
    );
    try {
      await Promise.race([this.#ended.promise, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  #end(): void {
    this.#isOpen = false;
    // One that was ended before is not in the memory any more: another one may be there.
    if (this.#memory.get(PLACE) === this) this.#memory.delete(PLACE);
    this.#close();
    this.#ended.resolve();
  }
}
