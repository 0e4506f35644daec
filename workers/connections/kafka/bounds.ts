import { MOST_BYTES } from "../sql/answer-size.ts";

/** Said in the driver's error of a socket, which keeps nothing of it but the message. */
const TOO_LARGE = "The answer is larger than an object may hold.";

/** The part of a socket of the driver that is used. */
export interface DriverSocket {
  on(event: "data", listener: (chunk: Uint8Array) => void): unknown;
  on(event: "close", listener: () => void): unknown;
  destroy(error?: Error): unknown;
}

/**
 * Ends a socket of the driver at an answer that says to be larger than an object may hold: the driver keeps it until it is
 * whole. The error names the request whose answer it is.
 */
export function boundAnswers<Socket extends DriverSocket>(socket: Socket): Socket {
  // Each answer is the number of its bytes, in four bytes, and so many bytes, of which the first four are its request's id
  // (Kafka, «Protocol»).
  let left = 0;
  let head = 0;
  let read = 0;
  let isTooLong = false;
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
      if (isTooLong) return void socket.destroy(new Error(`${TOO_LARGE} Request ${head}.`));
      isTooLong = head > MOST_BYTES;
      [left, head, read] = [isTooLong ? 0 : head, 0, 0];
    }
  });
  return socket;
}

/** Whether a failure of the driver comes from {@link boundAnswers}, of the request's own answer. */
export function isTooLarge({ message }: Error): boolean {
  return message.includes(TOO_LARGE);
}

/** The part of a connection of the driver that is changed. */
interface DriverConnection {
  requestQueue: { inflight: Map<number, { rejected(error: Error): void }> };
  rejectRequests(error: Error): void;
}

let isChanged = false;

/**
 * Lets the driver tell the request whose answer is too large from the others of its connection: they have lost their socket,
 * and may have been carried out.
 */
export async function boundDriver(): Promise<void> {
  const { default: Connection } = (await import("kafkajs/src/network/connection.js")) as {
    default: { prototype: DriverConnection };
  };
  if (isChanged) return;
  isChanged = true;
  const { rejectRequests } = Connection.prototype;
  Connection.prototype.rejectRequests = function (this: DriverConnection, error) {
    if (!isTooLarge(error)) return rejectRequests.call(this, error);
    const { inflight } = this.requestQueue;
    const id = Number(/ Request (\d+)\.$/.exec(error.message)?.[1]);
    inflight.get(id)?.rejected(new Error(TOO_LARGE));
    inflight.delete(id);
    const lost = new Error("The socket was closed since the answer to another request is too large.");
    rejectRequests.call(this, Object.assign(lost, { name: "KafkaJSConnectionError" }));
  };
}
