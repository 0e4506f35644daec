import { AsyncLocalStorage } from "node:async_hooks";
import { promisify } from "node:util";
import { unzip } from "node:zlib";
import { RefusedRequest } from "../connector.ts";
import { MOST_BYTES } from "../sql/answer-size.ts";

/** Most bytes that the compressed batches of one answer may have once they are unpacked. */
const MOST_UNPACKED = 4_000_000;

/** Said in the driver's error of a socket, which keeps nothing else of it. */
const TOO_LARGE = "The answer is larger than an object may hold.";

const GZIP = 1;

/** The driver's table of compressions, which others may be added to (kafkajs, «Compression»). */
interface Compressions {
  Codecs: Record<number, () => { compress(): never; decompress(packed: Uint8Array): Promise<Uint8Array> }>;
}

/** The part of a socket of the driver that is used. */
export interface DriverSocket {
  on(event: "data", listener: (chunk: Uint8Array) => void): unknown;
  on(event: "close", listener: () => void): unknown;
  destroy(error?: Error): unknown;
}

const answer = new AsyncLocalStorage<{ left: number }>();

/** Runs a fetch, whose answer the driver unpacks; refuses one of more than {@link MOST_UNPACKED}. */
export function unpackWithin<Value>(fetch: () => Promise<Value>): Promise<Value> {
  return answer.run({ left: MOST_UNPACKED }, fetch);
}

/** Lets the driver unpack no more than {@link unpackWithin} allows: a kilobyte of gzip may hold a megabyte. */
export async function boundGzip(): Promise<void> {
  const { default: driver } = (await import("kafkajs/src/protocol/message/compression/index.js")) as {
    default: Compressions;
  };
  driver.Codecs[GZIP] = () => ({
    compress() {
      throw new Error("Nothing is written compressed.");
    },
    decompress: unpack,
  });
}

async function unpack(packed: Uint8Array): Promise<Uint8Array> {
  const own = answer.getStore() ?? { left: MOST_UNPACKED };
  if (own.left <= 0) throw refuseUnpacked();
  try {
    const unpacked = await promisify(unzip)(packed, { maxOutputLength: own.left });
    own.left -= unpacked.byteLength;
    return unpacked;
  } catch (failure) {
    // Node and the Workers runtime word it differently.
    throw (failure as Error).name === "RangeError" ? refuseUnpacked() : failure;
  }
}

function refuseUnpacked(): RefusedRequest {
  return new RefusedRequest({
    code: "result_too_large",
    message: "The messages are too large to be read once they are unpacked.",
    action: "Ask for one partition, and from another offset on.",
  });
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
