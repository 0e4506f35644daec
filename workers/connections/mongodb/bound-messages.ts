import { clearTimeout } from "node:timers";
import { RefusedRequest } from "../connector.ts";
import { MOST_BYTES } from "../sql/answer-size.ts";
import { checkBson } from "./bson-depth.ts";

/** The part of the driver's stream of messages that is used. */
interface Messages {
  connection: { delayedTimeoutId: NodeJS.Timeout | null };
  /** What arrived and is not a whole message yet. */
  bufferPool: {
    readonly length: number;
    append(chunk: Uint8Array): void;
    getInt32(): number | null;
    read(size: number): Uint8Array;
  };
  push(message: Uint8Array): boolean;
  _transform(chunk: Uint8Array, encoding: string, done: (failure?: Error) => void): void;
}

/** Bytes of a message's head: its size, two ids and its kind (MongoDB, «Wire protocol»). */
const HEAD_BYTES = 16;

/** Where the kind of a message is in its head, and the kind of those that are compressed. */
const KIND_AT = 12;
const OP_COMPRESSED = 2012;
const OP_REPLY = 1;

/** Where the kind of an answer's part is, behind its flags, and where the document of an old answer is. */
const PART_AT = HEAD_BYTES + 4;
const OLD_DOCUMENT_AT = HEAD_BYTES + 20;

let isBound = false;

/**
 * Lets the driver end a socket at the head of a message of more than {@link MOST_BYTES}: it keeps a message until it is
 * whole, and a batch may have 16 MB and more. What waits for the message rejects with a {@link RefusedRequest}. The driver
 * would also read a message of no bytes for ever, and unpack one that is compressed to any size; it asks for no compression.
 */
export async function boundMessages(): Promise<void> {
  const { default: driver } = (await import("mongodb/lib/cmap/connection.js")) as {
    default: { SizedMessageTransform: { prototype: Messages } };
  };
  if (isBound) return;
  isBound = true;
  const { prototype } = driver.SizedMessageTransform;
  prototype._transform = function readBoundMessages(chunk, _encoding, done) {
    // The driver gives up a socket later where something is still on its way.
    if (this.connection.delayedTimeoutId !== null) clearTimeout(this.connection.delayedTimeoutId);
    this.connection.delayedTimeoutId = null;
    this.bufferPool.append(chunk);
    done(readMessages(this));
  };
}

/** Gives on each message that is whole, or says why the socket has to end. */
function readMessages(messages: Messages): Error | undefined {
  const { bufferPool } = messages;
  while (true) {
    const size = bufferPool.getInt32();
    if (size === null) return;
    if (size < HEAD_BYTES) return new Error("The server sent a message that is shorter than its head.");
    if (size > MOST_BYTES) return refuseSize();
    if (size > bufferPool.length) return;
    const message = bufferPool.read(size);
    const kind = new DataView(message.buffer, message.byteOffset).getInt32(KIND_AT, true);
    if (kind === OP_COMPRESSED) return new Error("The server sent a message that is compressed.");
    // The driver passes over kinds of parts that it does not know.
    if (kind !== OP_REPLY && message[PART_AT] !== 0)
      return new Error("The server sent a message of an unknown kind.");
    const failure = checkBson(message, kind === OP_REPLY ? OLD_DOCUMENT_AT : PART_AT + 1);
    if (failure !== null) return failure;
    if (!messages.push(message)) return new Error("The driver does not take the messages of its socket.");
  }
}

function refuseSize(): RefusedRequest {
  return new RefusedRequest({
    code: "result_too_large",
    message: "The documents are too large to be read, even in parts.",
    action: "Name fewer fields, or ask for fewer documents.",
  });
}
