import { MOST_BYTES } from "../sql/answer-size.ts";

/** Said in the driver's error of a socket, which keeps nothing else of it. */
const TOO_LARGE = "The answer is larger than an object may hold.";

/** The part of a socket of the driver that is used. */
export interface DriverSocket {
  on(event: "data", listener: (chunk: Uint8Array) => void): unknown;
  on(event: "close", listener: () => void): unknown;
  destroy(error?: Error): unknown;
}

/** Ends a socket of the driver at an answer that says to be larger than an object may hold: the driver keeps it until it is whole. */
export function boundAnswers<Socket extends DriverSocket>(socket: Socket): Socket {
  // Each answer is the number of its bytes, in four bytes, and so many bytes (Kafka, «Protocol»).
  let left = 0;
  let head = 0;
  let read = 0;
  socket.on("data", (chunk) => {
    for (let at = 0; at < chunk.byteLength; ) {
      if (left > 0) {
        const taken = Math.min(left, chunk.byteLength - at);
        left -= taken;
        at += taken;
        continue;
      }
      head = head * 256 + (chunk[at] ?? 0);
      read += 1;
      at += 1;
      if (read < 4) continue;
      if (head > MOST_BYTES) return void socket.destroy(new Error(TOO_LARGE));
      [left, head, read] = [head, 0, 0];
    }
  });
  return socket;
}

/** Whether a failure of the driver comes from {@link boundAnswers}. */
export function isTooLarge({ message }: Error): boolean {
  return message.includes(TOO_LARGE);
}
