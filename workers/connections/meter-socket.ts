import type { RefusedRequest } from "./connector.ts";

/** The part of a socket of Node that a meter needs. */
export interface MeteredSocket {
  on(event: "data", listener: (chunk: Uint8Array) => void): unknown;
  removeListener(event: "data", listener: (chunk: Uint8Array) => void): unknown;
}

/**
 * Runs `read`, and rejects as soon as more than `most` bytes came over its socket. A driver keeps what belongs to a value
 * until the value is whole, so that its socket has to end before.
 *
 * @param end - ends the socket: what is still sent must not be kept
 */
export async function readAtMostFrom<Value>(
  socket: MeteredSocket,
  most: number,
  read: () => Promise<Value>,
  end: () => void,
  refuse: () => RefusedRequest,
): Promise<Value> {
  const tooLarge = Promise.withResolvers<never>();
  let bytes = 0;
  const count = (chunk: Uint8Array) => {
    const before = bytes;
    bytes += chunk.byteLength;
    if (bytes <= most || before > most) return;
    // First, so that the driver's own error of a lost socket comes later.
    tooLarge.reject(refuse());
    end();
  };
  socket.on("data", count);
  const reading = read();
  try {
    return await Promise.race([tooLarge.promise, reading]);
  } finally {
    socket.removeListener("data", count);
    reading.catch(() => {});
  }
}
