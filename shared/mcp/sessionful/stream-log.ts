/** A JSON-RPC id. */
type RequestId = string | number;

/**
 * Content of a stream: JSON-RPC messages. One without `method` is the response that ends a request's stream.
 */
type Message = object;

/** A stream whose request is still running in this object. */
interface LiveStream<M> {
  request: RequestId;
  /** Sequence number of the last event. */
  last: number;
  /** Newest last; bounded. */
  events: [sequence: number, message: M][];
}

/**
 * Milliseconds from a stream's start for which its response is kept for a client that lost its connection.
 */
const ANSWER_KEPT_MS = 20 * 60_000;

/** Events of one running request that can be sent again. */
const LIVE_EVENTS = 200;

/**
 * Events of the listening stream that can be sent again; trimmed to this number when it holds twice as many.
 */
const LISTEN_EVENTS = 100;

/** Most characters of a stored message: SQLite holds 2 MB per value, and a character may take four bytes. */
const KEPT_CHARACTERS = 480_000;

/** The library's name for the stream that a GET opens for messages that belong to no request. */
export const LISTEN_STREAM = "_GET_stream";

/**
 * Event log of a session's SSE streams, so that a client which lost its connection or was released can resume
 * with `Last-Event-ID` without loss (MCP 2025-11-25, «Resumability and Redelivery»; an `EventStore` of SDK
 * v1). Events before a response are kept in memory, because a running call does not survive the object
 * either. One stored row per stream holds that it was opened, and its response.
 */
export class StreamLog<M extends Message> {
  readonly #sql: SqlStorage;
  readonly #live = new Map<string, LiveStream<M>>();
  readonly #replace: (request: RequestId, reason: "interrupted" | "too large") => M;
  readonly #onAnswered: (stream: string) => void;

  /**
   * @param replace - creates the response for a request whose own response is lost
   * @param onAnswered - called after a response was sent again: the stream's listener can be disconnected
   */
  constructor(
    sql: SqlStorage,
    replace: (request: RequestId, reason: "interrupted" | "too large") => M,
    onAnswered: (stream: string) => void,
  ) {
    this.#sql = sql;
    this.#replace = replace;
    this.#onAnswered = onAnswered;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS answer_streams (
         stream TEXT PRIMARY KEY, request TEXT NOT NULL, opened_at INTEGER NOT NULL,
         sequence INTEGER, answer TEXT) WITHOUT ROWID`,
    );
    sql.exec(
      "CREATE TABLE IF NOT EXISTS listen_events (sequence INTEGER PRIMARY KEY AUTOINCREMENT, message TEXT NOT NULL)",
    );
  }

  /** Opens the stream of a request. A client resumes it by its name, so the name cannot be guessed. */
  open(request: RequestId): string {
    const now = Date.now();
    const stream = crypto.randomUUID();
    this.#sql.exec("DELETE FROM answer_streams WHERE opened_at < ?", now - ANSWER_KEPT_MS);
    this.#sql.exec(
      "INSERT INTO answer_streams (stream, request, opened_at) VALUES (?, ?, ?)",
      stream,
      JSON.stringify(request),
      now,
    );
    this.#live.set(stream, { request, last: 0, events: [] });
    return stream;
  }

  /** Id of a stream's empty first event: with it a client can resume from the beginning. */
  firstEvent(stream: string): string {
    return eventId(stream, 0);
  }

  /** Logs an event and returns its id. */
  keep(stream: string, message: M): string {
    if (stream === LISTEN_STREAM) return this.#keepListenEvent(message);
    const live = this.#live.get(stream);
    if (!live) return eventId(stream, 0);
    live.last += 1;
    if (isAnswer(message)) {
      this.#live.delete(stream);
      const answer = fit(message) ?? JSON.stringify(this.#replace(live.request, "too large"));
      this.#sql.exec(
        "UPDATE answer_streams SET sequence = ?, answer = ? WHERE stream = ?",
        live.last,
        answer,
        stream,
      );
    } else {
      live.events.push([live.last, message]);
      if (live.events.length > LIVE_EVENTS) live.events.shift();
    }
    return eventId(stream, live.last);
  }

  /** The request gets no response, so its stream cannot be resumed. */
  forget(stream: string): void {
    this.#live.delete(stream);
    this.#sql.exec("DELETE FROM answer_streams WHERE stream = ?", stream);
  }

  /** Whether an event has or will have successors; `false` if it is not of this session or no longer kept. */
  follows(lastEventId: string): boolean {
    const { stream, sequence } = parseEventId(lastEventId);
    if (stream === LISTEN_STREAM || this.#live.has(stream)) return true;
    return (this.#read(stream)?.last ?? 0) > sequence;
  }

  /** Request of a stream, while it runs here. */
  requestOf(stream: string): RequestId | undefined {
    return this.#live.get(stream)?.request;
  }

  /** Stream of a request, while it runs here. */
  streamOf(request: RequestId): string | undefined {
    return [...this.#live].find(([, live]) => live.request === request)?.[0];
  }

  /** `EventStore`: {@link keep} for the library's transport. */
  async storeEvent(stream: string, message: M): Promise<string> {
    return this.keep(stream, message);
  }

  /** `EventStore`: the stream of an event, or `undefined` if it is not of this session or no longer kept. */
  async getStreamIdForEventId(id: string): Promise<string | undefined> {
    const { stream } = parseEventId(id);
    const known = stream === LISTEN_STREAM || this.#live.has(stream) || this.#read(stream) !== undefined;
    return known ? stream : undefined;
  }

  /**
   * `EventStore`: sends the logged events after an event. Later ones reach the client through the transport.
   */
  async replayEventsAfter(
    lastEventId: string,
    { send }: { send: (eventId: string, message: M) => Promise<void> },
  ): Promise<string> {
    const { stream, sequence } = parseEventId(lastEventId);
    if (stream === LISTEN_STREAM) {
      for (const event of this.#listenEventsAfter(sequence)) await send(...event);
      return stream;
    }
    const live = this.#live.get(stream);
    if (live) {
      for (const [number, message] of [...live.events]) {
        if (number > sequence) await send(eventId(stream, number), message);
      }
      return stream;
    }
    const kept = this.#read(stream);
    if (kept) {
      const { last, answer } = kept;
      if (last > sequence) await send(eventId(stream, last), answer);
      this.#onAnswered(stream);
    }
    return stream;
  }

  /** The stored response of a stream that no longer runs here. */
  #read(stream: string): { last: number; answer: M } | undefined {
    const [row] = this.#sql
      .exec<{ request: string; sequence: number | null; answer: string | null }>(
        "SELECT request, sequence, answer FROM answer_streams WHERE stream = ?",
        stream,
      )
      .toArray();
    if (!row) return undefined;
    if (row.sequence !== null && row.answer !== null) {
      return { last: row.sequence, answer: JSON.parse(row.answer) as M };
    }
    // The object was stopped before it responded.
    const answer = this.#replace(JSON.parse(row.request) as RequestId, "interrupted");
    return { last: Number.MAX_SAFE_INTEGER, answer };
  }

  #keepListenEvent(message: M): string {
    const text = fit(message);
    if (text === null) return eventId(LISTEN_STREAM, 0);
    const { sequence } = this.#sql
      .exec<{ sequence: number }>("INSERT INTO listen_events (message) VALUES (?) RETURNING sequence", text)
      .one();
    if (sequence % LISTEN_EVENTS === 0) {
      this.#sql.exec("DELETE FROM listen_events WHERE sequence <= ?", sequence - LISTEN_EVENTS);
    }
    return eventId(LISTEN_STREAM, sequence);
  }

  #listenEventsAfter(sequence: number): [eventId: string, message: M][] {
    return this.#sql
      .exec<{ sequence: number; message: string }>(
        "SELECT sequence, message FROM listen_events WHERE sequence > ? ORDER BY sequence",
        sequence,
      )
      .toArray()
      .map((row) => [eventId(LISTEN_STREAM, row.sequence), JSON.parse(row.message) as M]);
  }
}

function isAnswer(message: Message): boolean {
  return !("method" in message);
}

/** A message as text, or `null` if it is too large to store. */
function fit(message: Message): string | null {
  const text = JSON.stringify(message);
  return text.length <= KEPT_CHARACTERS ? text : null;
}

function eventId(stream: string, sequence: number): string {
  return `${stream}:${sequence}`;
}

function parseEventId(id: string): { stream: string; sequence: number } {
  const [, stream = "", digits = "0"] = /^([\w-]{1,64}):(\d{1,15})$/.exec(id) ?? [];
  return { stream, sequence: Number(digits) };
}
