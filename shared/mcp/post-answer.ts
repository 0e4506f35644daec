/** Milliseconds between signs of life on an SSE stream: below the 60 to 100 seconds of usual proxies. */
const KEEP_ALIVE_MS = 25_000;

/** An answer is one person's: nobody between may keep it, and nobody may wait until it is whole. */
const JSON_HEADERS = { "content-type": "application/json", "cache-control": "no-store" };
const STREAM_HEADERS = { "content-type": "text/event-stream", "cache-control": "no-store, no-transform" };

const encoder = new TextEncoder();

/**
 * One POST waiting for its answer, in both generations: JSON when the final message is all there is, and an SSE stream
 * when something comes before it (MCP 2025-11-25 and 2026-07-28, «Streamable HTTP»).
 */
export class PostAnswer {
  readonly response: Promise<Response>;
  readonly #onGone: () => void;
  #respond!: (response: Response) => void;
  #stream: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #keepAlive: ReturnType<typeof setInterval> | undefined;
  #status = 200;
  #gone = false;

  /** @param onGone - called once when the client has left a stream that had begun */
  constructor(onGone: () => void) {
    this.#onGone = onGone;
    this.response = new Promise((resolve) => {
      this.#respond = resolve;
    });
  }

  /** The answer will have this HTTP status instead of 200, unless its stream has begun. */
  setStatus(status: number): void {
    this.#status = status;
  }

  /** Sends a JSON-RPC message. After the final one nothing may follow. */
  write(message: object, final: boolean): void {
    if (final && !this.#stream) {
      this.#respond(new Response(JSON.stringify(message), { status: this.#status, headers: JSON_HEADERS }));
      return;
    }
    this.#writeFrame(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
    if (final) this.end();
  }

  /** Closes the stream; a POST that has got nothing yet is answered with 404. */
  end(): void {
    clearInterval(this.#keepAlive);
    if (this.#stream) this.#stream.close().catch(() => {});
    else this.#respond(new Response(null, { status: 404 }));
  }

  #writeFrame(frame: string): void {
    this.#stream ??= this.#openStream();
    this.#stream.write(encoder.encode(frame)).catch(() => this.#leave());
  }

  #openStream(): WritableStreamDefaultWriter<Uint8Array> {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    this.#respond(new Response(readable, { headers: STREAM_HEADERS }));
    this.#keepAlive = setInterval(() => this.#writeFrame(": keep-alive\n\n"), KEEP_ALIVE_MS);
    const writer = writable.getWriter();
    // Told by the stream itself, so that a call that is silent learns of it too.
    writer.closed.catch(() => this.#leave());
    return writer;
  }

  #leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    clearInterval(this.#keepAlive);
    this.#onGone();
  }
}
