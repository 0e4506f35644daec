import { RefusedRequest, type Session } from "../../connections/connector.ts";
import { ClientInUse } from "../../connections/shared-client.ts";

/** Milliseconds after which an idle session is closed: an open socket keeps its object in memory. */
const IDLE_MS = 20_000;

/** The secret of a session was changed while it served a read, which begins once more. */
class SessionCut extends RefusedRequest {
  constructor() {
    super({ code: "unavailable", message: "The connection was changed during the call.", retryAfter: 1 });
  }
}

/** Begins a request once more each time that a changed secret ends its session. */
export async function beginAgain<Value>(attempt: () => Promise<Value>): Promise<Value> {
  for (;;) {
    try {
      return await attempt();
    } catch (failure) {
      if (!(failure instanceof SessionCut)) throw failure;
    }
  }
}

interface Held {
  key: string;
  busy: boolean;
  /** Set while it serves a read over a signed-in socket, which a changed secret ends. */
  cut?: PromiseWithResolvers<never> | undefined;
  /** Set where its secret was changed during another request: it is closed when that ends. */
  retired?: PromiseWithResolvers<void>;
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
   * @param isRead - its request may begin once more
   */
  take(key: string, isRead: boolean): Session | undefined {
    let found: Session | undefined;
    for (const [session, held] of this.#held) {
      if (held.busy) continue;
      if (revisionIn(held.key) !== revisionIn(key) || !session.isUsable()) this.#drop(session);
      else if (held.key === key) found ??= session;
    }
    const held = found && this.#held.get(found);
    if (found === undefined || held === undefined) return undefined;
    clearTimeout(held.timer);
    held.busy = true;
    held.cut = cutOf(found, isRead);
    return found;
  }

  /** Takes over a new session, which is in use. */
  adopt(session: Session, key: string, isRead: boolean): void {
    this.#held.set(session, { key, busy: true, cut: cutOf(session, isRead) });
  }

  /** Runs the request of a session in use. Rejects for {@link beginAgain} where the session is closed under a read. */
  async serve<Value>(session: Session, work: () => Promise<Value>): Promise<Value> {
    const held = this.#held.get(session);
    // Another call closed it in the moment after it was opened.
    if (held === undefined) throw new SessionCut();
    const cut = held.cut?.promise;
    return await (cut === undefined ? work() : Promise.race([work(), cut]));
  }

  /** Waits until no session is signed in with a former secret. Rejects with {@link ClientInUse} after `mostMs`. */
  async formerEnded(mostMs: number): Promise<void> {
    const until = Date.now() + mostMs;
    for (;;) {
      const retired = [...this.#held].flatMap(([session, held]) =>
        held.retired === undefined || session.signsEachRequest ? [] : held.retired.promise,
      );
      if (retired.length === 0) return;
      // A secret may change again meanwhile, under another write.
      await new ClientInUse(Promise.all(retired).then(() => {})).ended(until - Date.now());
    }
  }

  giveBack(session: Session): void {
    const held = this.#held.get(session);
    if (held === undefined) return;
    held.busy = false;
    if (held.retired !== undefined || !session.isUsable()) {
      this.#drop(session);
      held.retired?.resolve();
      return;
    }
    held.timer = setTimeout(() => {
      if (!held.busy) this.#drop(session);
    }, session.idleMs ?? IDLE_MS);
  }

  /**
   * Closes sessions now, with the reads that they serve; the time limit of the other system ends their statements. A session
   * that serves a write is closed when that ends: nothing would tell whether it was carried out.
   */
  closeAll(): void {
    this.#closings += 1;
    for (const [session, held] of this.#held) {
      if (held.busy && held.cut === undefined) {
        held.retired ??= Promise.withResolvers();
        continue;
      }
      held.cut?.reject(new SessionCut());
      this.#drop(session);
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

function cutOf(session: Session, isRead: boolean): Held["cut"] {
  if (!isRead || session.signsEachRequest) return undefined;
  const made = Promise.withResolvers<never>();
  // Without a request it is not waited for.
  made.promise.catch(() => {});
  return made;
}

function revisionIn(key: string): string {
  return key.split(" ", 1)[0] ?? "";
}
