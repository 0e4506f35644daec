import { keepAlive } from "./keep-alive.ts";

const encoder = new TextEncoder();

/** The header by which the agents library tells what a session's WebSocket is for: `GET`, or `SSE` of 2024-11-05. */
export const STREAM_HEADER = "cf-mcp-method";

/** How what comes over the socket becomes text of the stream. */
export interface SocketEvents {
  /** What the stream begins with. */
  first?: string;
  /** One message as whole events; `null` for what is not the client's. */
  toEvents(message: string): string | null;
}

/**
 * An SSE answer that lasts as long as the object's socket and the client do: whichever goes, the other is let go. The
 * object behind it may hibernate meanwhile.
 */
export function streamSocket(socket: WebSocket, { first, toEvents }: SocketEvents): Response {
  let open = true;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const write = (text: string | null) => {
        if (open && text !== null) controller.enqueue(encoder.encode(text));
      };
      if (first !== undefined) write(first);
      socket.accept();
      socket.addEventListener("message", ({ data }) => write(toEvents(String(data))));
      const end = () => {
        if (open) controller.close();
        open = false;
      };
      socket.addEventListener("close", end);
      socket.addEventListener("error", end);
    },
    cancel() {
      open = false;
      socket.close(1000, "The client has gone");
    },
  });
  return new Response(keepAlive(body), {
    headers: { "content-type": "text/event-stream", "cache-control": "no-cache" },
  });
}
