/** Milliseconds after which a client can no longer continue a call: longer than its signed state is valid. */
const FORGET_MS = 15 * 60_000;

/**
 * Writes that began at the other system and wait for their client's answer. They are kept on disk: a call that comes back
 * after its object was lost finds nothing to go on with, and must not begin the write again.
 */
export class WaitingWrites {
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** On disk before the question is with the client: what the object sends waits for its writes. */
  note(resumes: string): void {
    void this.#storage.put(keyOf(resumes), Date.now());
    void this.#storage.setAlarm(Date.now() + FORGET_MS);
  }

  /** Forgets a write. Whether it waited. */
  end(resumes: string): Promise<boolean> {
    return this.#storage.delete(keyOf(resumes));
  }

  /** The last one that waited cannot be continued any more. */
  async forgetAll(): Promise<void> {
    await this.#storage.deleteAll();
  }
}

function keyOf(resumes: string): string {
  return `waiting ${resumes}`;
}
