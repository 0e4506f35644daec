import { KEEP_ALIVE_COMMENT, KEEP_ALIVE_MS, MAX_BUFFERED_BYTES } from "./event-stream.ts";

/** Milliseconds that a client which lost its stream waits before it comes back (SSE `retry`). */
const RETRY_MS = 1_000;

/** An answer is one person's: nobody between may keep it, and nobody may wait until it is whole. */
const JSON_HEADERS = { "content-type": "application/json", "cache-control": "no-store" };
const STREAM_HEADERS = { "content-type": "text/event-stream", "cache-control": "no-store, no-transform" };

const encoder = new TextEncoder();

/** Keeps what a stream sends, for a client that comes back for it. */
export interface StreamEvents {
  /** Whether the client understands a first event that carries nothing but its id. */
  readonly primed: boolean;
  /** Names the stream, and its first event. */
  open(): { stream: string; firstEvent: string };
  /** Keeps a message and gives its event's id. */
  keep(stream: string, message: object): string;
}

/**
 * One POST waiting for its answer, in both generations: JSON when the final message is all there is, and an SSE stream
 * when something comes before it (MCP 2025-11-25 and 2026-07-28, «Streamable HTTP»).
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
  /** Name of the stream that the answer became, where its events are kept. */
  stream: string | undefined;

  /**
   * @param onGone - called once when the client has left a stream that had begun, or does not read it
   * @param events - of a client that may come back
   */
  constructor(onGone: () => void, events?: StreamEvents) {
    this.#onGone = onGone;
    this.#events = events;
    this.response = new Promise((resolve) => {
      this.#respond = resolve;
    });
  }

  /** The answer will have this HTTP status instead of 200, unless its stream has begun. */
  setStatus(status: number): void {
    this.#status = status;
  }

  /** The answer will have the header `retry-after` with so many seconds, unless its stream has begun. */
  setRetryAfter(seconds: number): void {
    this.#retryAfter = seconds;
  }

  /**
   * Sends a JSON-RPC message. After the final one nothing may follow. Says `false`, and does nothing, once the stream
   * is closed and its client has to come back.
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

  /** Closes the connection although the answer is still to come. A client that could not come back keeps it. */
  release(): void {
    if (!this.#events?.primed) return;
    this.#writer ??= this.#openStream();
    this.end();
  }

  /** Closes the stream; a POST that has got nothing yet is answered with this HTTP status and no content. */
  end(status = 404): void {
    clearInterval(this.#keepAlive);
    this.#gone = true;
    if (this.#writer) this.#writer.close().catch(() => {});
    else this.#respond(new Response(null, { status }));
  }

  #writeFrame(frame: string): void {
    const writer = this.#writer;
    if (!writer) return;
    // Less than nothing is wanted while more than the limit waits.
    if ((writer.desiredSize ?? 0) < 0) writer.abort().catch(() => {});
    else writer.write(encoder.encode(frame)).catch(() => this.#leave());
  }

  #openStream(): WritableStreamDefaultWriter<Uint8Array> {
    const limit = new ByteLengthQueuingStrategy({ highWaterMark: MAX_BUFFERED_BYTES });
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({}, limit);
    this.#respond(new Response(readable, { headers: STREAM_HEADERS }));
    const writer = writable.getWriter();
    this.#writer = writer;
    // Told by the stream itself, so that a call that is silent learns of it too.
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
