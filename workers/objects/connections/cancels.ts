import { log } from "../../../shared/observe/log.ts";
import { OPEN_MS, RefusedRequest, type Session } from "../../connections/connector.ts";
import { GRACE_MS, within } from "./within.ts";

/** Ids of requests that are cancelled and not known yet, or not any more. */
const MOST_IDS = 1_000;

/**
 * The cancels of one object. One that comes before its request is sent ends the request there; one that is on its way over
 * a socket of its own holds its session back from other requests, whose statements it would end. They are sent one after
 * the other, so that all of them together have one socket.
 */
export class Cancels {
  readonly #connection: string;
  readonly #asked = new Set<string>();
  readonly #running = new Map<string, Session>();
  readonly #sent = new Map<Session, Promise<void>>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(connection: string) {
    this.#connection = connection;
  }

  /** Ends a request at the other system, or as soon as it would be sent there. */
  async cancel(id: string): Promise<void> {
    this.#asked.add(id);
    const [oldest] = this.#asked;
    if (oldest !== undefined && this.#asked.size > MOST_IDS) this.#asked.delete(oldest);
    const session = this.#running.get(id);
    if (session === undefined) return;
    await this.#inTurn(async () => {
      // Its request has ended meanwhile, and the session may serve another one; or it was sent before.
      if (this.#running.get(id) !== session || this.#sent.has(session)) return;
      const sent = this.#send(session);
      this.#sent.set(session, sent);
      await sent;
    });
  }

  /** Ends what a closed session left running at the other system. */
  async endLeft(session: Session): Promise<void> {
    await this.#inTurn(() => this.#send(session));
  }

  /** Throws if the request is cancelled. */
  check(id: string): void {
    if (!this.#asked.has(id)) return;
    throw new RefusedRequest({ code: "cancelled", message: "The call was cancelled.", sent: false });
  }

  /** The request is about to be sent. */
  begin(id: string, session: Session): void {
    this.#running.set(id, session);
  }

  /** The request is over. Resolves when no cancel is on its way to the session. */
  async settle(id: string, session: Session): Promise<void> {
    this.#running.delete(id);
    const sent = this.#sent.get(session);
    if (sent === undefined) return;
    this.#sent.delete(session);
    if (session.isEndedByCancel !== true) return;
    await sent;
    session.close();
  }

  /** Nothing of this request is sent any more. */
  forget(id: string): void {
    this.#asked.delete(id);
  }

  async #inTurn(send: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(send);
    this.#turn = turn.catch(() => {});
    await turn;
  }

  /** The turn is over once the socket of the cancel is closed, which its session sees to. */
  async #send(session: Session): Promise<void> {
    try {
      await within(() => session.cancel(), OPEN_MS + GRACE_MS);
    } catch (failure) {
      log("warn", "connection_not_cancelled", { connection: this.#connection, error: String(failure) });
    }
  }
}
