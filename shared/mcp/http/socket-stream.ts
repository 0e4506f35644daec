import { KEEP_ALIVE_COMMENT, KEEP_ALIVE_MS, MAX_BUFFERED_BYTES, UNBUFFERED } from "./event-stream.ts";

const encoder = new TextEncoder();

/** Converts socket messages to SSE text. */
export interface SocketEvents {
  /** First text of the stream. */
  first?: string;
  /** One message as complete SSE events; `null` for a message that is not for the client. */
  toEvents(message: string): string | null;
}

/**
 * An SSE response that lasts as long as the object's socket and the client: when one closes, the other is
 * closed. Keep-alive comments are sent from here, in the Worker, so that the object may hibernate. A client
 * that does not read loses its stream after {@link MAX_BUFFERED_BYTES} and can resume with `Last-Event-ID`.
 */
export function streamSocket(
  socket: WebSocket,
  { first, toEvents }: SocketEvents,
  everyMs = KEEP_ALIVE_MS,
): Response {
  let open = true;
  let timer: ReturnType<typeof setInterval> | undefined;
  const leave = () => {
    open = false;
    clearInterval(timer);
  };
  const source: UnderlyingSource<Uint8Array> = {
    start(controller) {
      const end = () => {
        if (open) controller.close();
        leave();
      };
      const write = (text: string | null) => {
        if (!open || text === null) return;
        // The high-water mark is 0, so `-desiredSize` is the buffered amount.
        if (-(controller.desiredSize ?? 0) <= MAX_BUFFERED_BYTES)
          return controller.enqueue(encoder.encode(text));
        end();
        socket.close(1000, "The client does not read");
      };
      timer = setInterval(() => write(KEEP_ALIVE_COMMENT), everyMs);
      if (first !== undefined) write(first);
      socket.accept();
      socket.addEventListener("message", ({ data }) => write(toEvents(String(data))));
      socket.addEventListener("close", end);
      socket.addEventListener("error", end);
    },
    cancel() {
      leave();
      socket.close(1000, "The client has gone");
    },
  };
  const body = new ReadableStream(source, new ByteLengthQueuingStrategy({ highWaterMark: 0 }));
  return new Response(body, {
    headers: { "content-type": "text/event-stream", "cache-control": "no-cache", ...UNBUFFERED },
  });
}
