import { KEEP_ALIVE_COMMENT, KEEP_ALIVE_MS, MAX_BUFFERED_BYTES, UNBUFFERED } from "./event-stream.ts";

/** Milliseconds that a disconnected client waits before it reconnects (SSE `retry`). */
const RETRY_MS = 1_000;

/** A response belongs to one user and may be a stream: proxies must neither store nor buffer it. */
const JSON_HEADERS = { "content-type": "application/json", "cache-control": "no-store" };
const STREAM_HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-store, no-transform",
  ...UNBUFFERED,
};

const encoder = new TextEncoder();

/** Logs the events of a stream for a client that resumes it. */
export interface StreamEvents {
  /** Whether the client understands a first event that carries only an id. */
  readonly primed: boolean;
  /** Creates the stream and its first event. */
  open(): { stream: string; firstEvent: string };
  /** Logs a message and returns its event id. */
  keep(stream: string, message: object): string;
}

/**
 * The response to one POST, in both generations: JSON if the final message is the only one, an SSE stream
 * otherwise (MCP 2025-11-25 and 2026-07-28, «Streamable HTTP»).
 */
export class PostResponder {
  readonly response: Promise<Response>;
  readonly #onGone: () => void;
  readonly #events: StreamEvents | undefined;
  #respond!: (response: Response) => void;
  #writer: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #keepAlive: ReturnType<typeof setInterval> | undefined;
  #status = 200;
  #retryAfter: number | undefined;
  #gone = false;
  /** Name under which the response's stream is logged. */
  stream: string | undefined;

  /**
   * @param onGone - called once when the client has left a begun stream or does not read it
   * @param events - event log, for a client that can resume
   */
  constructor(onGone: () => void, events?: StreamEvents) {
    this.#onGone = onGone;
    this.#events = events;
    this.response = new Promise((resolve) => {
      this.#respond = resolve;
    });
  }

  /** Sets the HTTP status of the response, unless its stream has begun. */
  setStatus(status: number): void {
    this.#status = status;
  }

  /** Sets the `retry-after` header in seconds, unless the stream has begun. */
  setRetryAfter(seconds: number): void {
    this.#retryAfter = seconds;
  }

  /**
   * Sends a JSON-RPC message; none may follow the final one. Returns `false` and sends nothing if the stream
   * is closed and its client has to resume it.
   */
  write(message: object, final: boolean): boolean {
    if (final && !this.#writer) {
      const later = this.#retryAfter === undefined ? {} : { "retry-after": String(this.#retryAfter) };
      const headers = { ...JSON_HEADERS, ...later };
      this.#respond(new Response(JSON.stringify(message), { status: this.#status, headers }));
      return true;
    }
    this.#writer ??= this.#openStream();
    if (this.#gone && this.#events) return false;
    const id = this.stream && this.#events?.keep(this.stream, message);
    this.#writeFrame(`event: message\n${id ? `id: ${id}\n` : ""}data: ${JSON.stringify(message)}\n\n`);
    if (final) this.end();
    return true;
  }

  /** Closes the connection before the final message. A client that cannot resume keeps it. */
  release(): void {
    if (!this.#events?.primed) return;
    this.#writer ??= this.#openStream();
    this.end();
  }

  /** Closes the stream; a POST without a response so far gets this HTTP status and no content. */
  end(status = 404): void {
    clearInterval(this.#keepAlive);
    this.#gone = true;
    if (this.#writer) this.#writer.close().catch(() => {});
    else this.#respond(new Response(null, { status }));
  }

  #writeFrame(frame: string): void {
    const writer = this.#writer;
    if (!writer) return;
    // `desiredSize` is negative while more than the limit is buffered.
    if ((writer.desiredSize ?? 0) < 0) writer.abort().catch(() => {});
    else writer.write(encoder.encode(frame)).catch(() => this.#leave());
  }

  #openStream(): WritableStreamDefaultWriter<Uint8Array> {
    const limit = new ByteLengthQueuingStrategy({ highWaterMark: MAX_BUFFERED_BYTES });
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({}, limit);
    this.#respond(new Response(readable, { headers: STREAM_HEADERS }));
    const writer = writable.getWriter();
    this.#writer = writer;
    // The stream itself reports the disconnect, so that a silent call is aborted too.
    writer.closed.catch(() => this.#leave());
    if (this.#events) {
      const { stream, firstEvent } = this.#events.open();
      this.stream = stream;
      if (this.#events.primed) this.#writeFrame(`id: ${firstEvent}\nretry: ${RETRY_MS}\ndata: \n\n`);
    }
    this.#keepAlive = setInterval(() => this.#writeFrame(KEEP_ALIVE_COMMENT), KEEP_ALIVE_MS);
    return writer;
  }

  #leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    clearInterval(this.#keepAlive);
    this.#onGone();
  }
}
