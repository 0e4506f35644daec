/** A JSON-RPC id. */
type RequestId = string | number;

/** What a stream sends: JSON-RPC messages. One without `method` is the answer that ends a request's stream. */
type Message = object;

/** A stream whose request is still being answered in this object. */
interface LiveStream<M> {
  request: RequestId;
  /** Number of the last event. */
  last: number;
  /** Newest at the end; bounded. */
  events: [sequence: number, message: M][];
}

/** Milliseconds from a stream's beginning for which its answer waits for a client that lost its connection. */
const ANSWER_KEPT_MS = 20 * 60_000;

/** Events of one running request that can be sent again. */
const LIVE_EVENTS = 200;

/** Events of the listening stream that can be sent again; it is cut back to them once it holds twice as many. */
const LISTEN_EVENTS = 100;

/** Characters of a message that can be kept: SQLite holds 2 MB a value, and a character may need four bytes. */
const KEPT_CHARACTERS = 480_000;

/** The library's name of the stream that a GET opens for everything that belongs to no request. */
export const LISTEN_STREAM = "_GET_stream";

/**
 * The events of a session's SSE streams, so that a client which lost its connection, or was let go, comes back with
 * `Last-Event-ID` and misses nothing (MCP 2025-11-25, «Resumability and Redelivery»; an `EventStore` of SDK v1).
 * Events before an answer are kept in memory, because a running call does not outlive it either; what must outlive it
 * is one row a stream: that it was opened, and its answer.
 */
export class StreamLog<M extends Message> {
  readonly #sql: SqlStorage;
  readonly #live = new Map<string, LiveStream<M>>();
  readonly #replace: (request: RequestId, reason: "interrupted" | "too large") => M;
  readonly #onAnswered: (stream: string) => void;

  /**
   * @param replace - makes the answer of a request whose own answer cannot be had any more
   * @param onAnswered - the answer was sent again and nothing follows: whoever listens to the stream can be let go
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

  /** Opens the stream of a request. Its name is also how a client finds it again, so it cannot be guessed. */
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

  /** Id of a stream's first event, which carries nothing: a client that knows it can come back for everything. */
  firstEvent(stream: string): string {
    return eventId(stream, 0);
  }

  /** Keeps an event and gives its id. */
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

  /** The request will not be answered: there is nothing to come back for. */
  forget(stream: string): void {
    this.#live.delete(stream);
    this.#sql.exec("DELETE FROM answer_streams WHERE stream = ?", stream);
  }

  /** Whether anything follows an event, now or later; not for one that is not of this session or no longer kept. */
  follows(lastEventId: string): boolean {
    const { stream, sequence } = parseEventId(lastEventId);
    if (stream === LISTEN_STREAM || this.#live.has(stream)) return true;
    return (this.#read(stream)?.last ?? 0) > sequence;
  }

  /** Request that a stream answers, while it runs here. */
  requestOf(stream: string): RequestId | undefined {
    return this.#live.get(stream)?.request;
  }

  /** The same, the other way round. */
  streamOf(request: RequestId): string | undefined {
    return [...this.#live].find(([, live]) => live.request === request)?.[0];
  }

  /** `EventStore`: {@link keep} for the library's transport. */
  async storeEvent(stream: string, message: M): Promise<string> {
    return this.keep(stream, message);
  }

  /** `EventStore`: the stream of an event, or `undefined` when it is not of this session or no longer kept. */
  async getStreamIdForEventId(id: string): Promise<string | undefined> {
    const { stream } = parseEventId(id);
    const known = stream === LISTEN_STREAM || this.#live.has(stream) || this.#read(stream) !== undefined;
    return known ? stream : undefined;
  }

  /** `EventStore`: sends what came after an event. What comes later reaches the client through the transport. */
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

  /** The answer of a stream that no longer runs here. */
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
    // The object was stopped while it answered.
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

/** A message as text, or `null` when it is too large to keep. */
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
