import { KEEP_ALIVE_COMMENT, KEEP_ALIVE_MS, MAX_BUFFERED_BYTES } from "./event-stream.ts";

const encoder = new TextEncoder();

/** How what comes over the socket becomes text of the stream. */
export interface SocketEvents {
  /** What the stream begins with. */
  first?: string;
  /** One message as whole events; `null` for what is not the client's. */
  toEvents(message: string): string | null;
}

/**
 * An SSE answer that lasts as long as the object's socket and the client do: whichever goes, the other is let go. Signs
 * of life come from here, where the client is connected, so that the object behind it may hibernate meanwhile. A
 * client that does not read what it is sent loses its stream after {@link MAX_BUFFERED_BYTES}, and comes back for the rest
 * with `Last-Event-ID`.
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
        // 0 is wanted at any time, so what is wanted is what waits, negative.
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
    headers: { "content-type": "text/event-stream", "cache-control": "no-cache" },
  });
}
