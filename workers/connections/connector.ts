import type { ConnectionAttempt } from "../../shared/audit/record.ts";
import type { LogLevel } from "../../shared/call/log-level.ts";
import type { JsonValue } from "../../shared/encoding/json.ts";
import type {
  ConnectionFailure,
  ConnectionReport,
  ConnectionRequest,
  ConnectionTarget,
  ForeignQuestion,
  Inspected,
} from "../../shared/objects/connection-gate.ts";

/** The call that a session serves. */
export interface SessionCaller {
  /** On its way to the client before the answer is. */
  progress(done: number, total: number | undefined, message: string | undefined): void;
  log(level: LogLevel, data: JsonValue): void;
  /** The other system tried something that was refused. */
  refused(attempt: ConnectionAttempt): void;
  /** Throws {@link RefusedRequest} if the caller has hung up: what the request has not done yet is not done any more. */
  checkCancelled(): void;
  /** The client's answer. Rejects with {@link RefusedRequest} if there will be none. */
  ask(question: ForeignQuestion): Promise<JsonValue>;
}

/** One session with another system: a socket that serves one request at a time. */
export interface Session {
  /** False once the socket is lost; the session is then thrown away. */
  isUsable(): boolean;
  /** Milliseconds that an idle session is kept; the pool has a default. */
  readonly idleMs?: number;
  /** Runs one request. The other system stops it after `timeoutMs`, or the pool closes the session. */
  run(
    target: ConnectionTarget,
    request: ConnectionRequest,
    timeoutMs: number,
    caller: SessionCaller,
  ): Promise<JsonValue | PartialAnswer>;
  /** What the account may do, and how the entry fits the other system. SQL databases and MongoDB give the first alone. */
  inspect(target: ConnectionTarget, what?: Inspected): Promise<ConnectionReport>;
  /**
   * Set where a cancel may still reach the session when the request has ended by itself: the pool waits for the cancel, and
   * closes the session.
   */
  readonly isEndedByCancel?: true;
  /** Set where each request carries its credential, so that no socket stays signed in with a former one. */
  readonly signsEachRequest?: true;
  /** Set once the request ended before its statement did: the pool closes the session, and cancels the statement. */
  readonly isLeft?: boolean;
  /**
   * Ends the running request at the other system; also after {@link Session.close} where {@link Session.isLeft}. Settles
   * once no socket of its own is left, within {@link OPEN_MS}.
   */
  cancel(): Promise<void>;
  /** Closes the socket without waiting for the other system. */
  close(): void;
}

/** Code for one kind of system. Its driver is loaded on first use. */
export interface Connector {
  /**
   * Opens a session. Rejects with the driver's error, once no socket of the opening is left; {@link Connector.explain} has
   * words for it.
   *
   * @param memory - lives as long as the connection's object, for what its sessions share
   * @param timeoutMs - for all of it, sign-in included; {@link OPEN_MS} without it
   */
  open(
    env: Env,
    target: ConnectionTarget,
    secret: string | null,
    memory: Map<string, unknown>,
    timeoutMs?: number,
  ): Promise<Session>;
  /** Our words for a driver's error. `null` for one that says nothing about the caller's request: the system is away. */
  explain(failure: unknown, target: ConnectionTarget): ConnectionFailure | null;
}

/** A failure of a request that a connector found by itself. */
export class RefusedRequest extends Error {
  readonly failure: ConnectionFailure;

  constructor(failure: ConnectionFailure) {
    super(failure.message);
    this.name = "RefusedRequest";
    this.failure = failure;
  }
}

/** A part of an answer, since a limit of time ended the work: it is given to its caller, and not kept for others. */
export class PartialAnswer {
  readonly value: JsonValue;

  constructor(value: JsonValue) {
    this.value = value;
  }
}

/** The other system does not know the session any more, and has not looked at the request. */
export class LostSession extends Error {}

/** The end of a write failed or got no answer, so that it may be carried out. */
export class UnansweredCommit extends Error {}

/**
 * Ends a write. Rejects with {@link UnansweredCommit} unless `isUndone` knows the failure as one that rolled the write back;
 * its session must not serve another request.
 */
export async function commit<Answer>(
  send: () => Promise<Answer>,
  isUndone: (failure: unknown) => boolean,
): Promise<Answer> {
  try {
    return await send();
  } catch (failure) {
    throw isUndone(failure)
      ? failure
      : new UnansweredCommit("The COMMIT was not answered.", { cause: failure });
  }
}

/** The vault holds no password for a connection that needs one. */
export function withoutPassword(title: string): ConnectionFailure {
  return {
    code: "unavailable",
    message: `No password is stored for the account of ${title}.`,
    action: "Ask its owner to set it: npm run connections -- secret <name>",
  };
}

/** Milliseconds to open a session, sign-in included. */
export const OPEN_MS = 5_000;
