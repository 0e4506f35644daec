import type { Session } from "../../connections/connector.ts";

/** Milliseconds after which an idle session is closed: an open socket keeps its object in memory. */
const IDLE_MS = 20_000;

interface Held {
  key: string;
  busy: boolean;
  /** Closed as soon as its request ends: its secret was changed. */
  retired: boolean;
  timer?: ReturnType<typeof setTimeout>;
}

/** The sessions of one object. A session belongs to one revision of its connection. */
export class SessionStore {
  readonly #held = new Map<Session, Held>();
  #closings = 0;

  get size(): number {
    return this.#held.size;
  }

  /** How often all sessions were closed: one that began to open before the last time has a former secret. */
  get closings(): number {
    return this.#closings;
  }

  /**
   * An idle session with this key. Closes idle ones of other revisions, which nothing asks for any more.
   *
   * @param key - the revision, and what else keeps sessions apart after a space
   */
  take(key: string): Session | undefined {
    let found: Session | undefined;
    for (const [session, held] of this.#held) {
      if (held.busy) continue;
      if (revisionIn(held.key) !== revisionIn(key) || !session.isUsable()) this.#drop(session);
      else if (held.key === key) found ??= session;
    }
    const held = found && this.#held.get(found);
    if (held === undefined) return undefined;
    clearTimeout(held.timer);
    held.busy = true;
    return found;
  }

  /** Takes over a new session, which is in use. */
  adopt(session: Session, key: string): void {
    this.#held.set(session, { key, busy: true, retired: false });
  }

  giveBack(session: Session): void {
    const held = this.#held.get(session);
    if (held === undefined) return;
    held.busy = false;
    if (held.retired || !session.isUsable()) {
      this.#drop(session);
      return;
    }
    held.timer = setTimeout(() => {
      if (!held.busy) this.#drop(session);
    }, session.idleMs ?? IDLE_MS);
  }

  /** Closes idle sessions now, and those in use when their request ends. */
  closeAll(): void {
    this.#closings += 1;
    for (const [session, held] of this.#held) {
      if (held.busy) held.retired = true;
      else this.#drop(session);
    }
  }

  /** Closes idle sockets of a system that is away: the next probe opens one. Sessions of a person last at the other system. */
  dropIdle(): void {
    for (const [session, held] of this.#held)
      if (!held.busy && held.key === revisionIn(held.key)) this.#drop(session);
  }

  #drop(session: Session): void {
    clearTimeout(this.#held.get(session)?.timer);
    this.#held.delete(session);
    session.close();
  }
}

function revisionIn(key: string): string {
  return key.split(" ", 1)[0] ?? "";
}
