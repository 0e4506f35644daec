import { RefusedRequest } from "../connector.ts";
import { MOST_BYTES } from "../sql/answer-size.ts";

/** The part of the driver's stream of messages that is used. */
interface Messages {
  /** What arrived and is not a whole message yet. */
  bufferPool: { getInt32(): number | null };
  _transform(chunk: Uint8Array, encoding: string, done: (failure?: Error) => void): void;
}

let isBound = false;

/**
 * Lets the driver end a socket at the head of a message of more than {@link MOST_BYTES}: it keeps a message until it is
 * whole, and a batch may have 16 MB and more. What waits for the message rejects with a {@link RefusedRequest}.
 */
export async function boundMessages(): Promise<void> {
  const { default: driver } = (await import("mongodb/lib/cmap/connection.js")) as {
    default: { SizedMessageTransform: { prototype: Messages } };
  };
  if (isBound) return;
  isBound = true;
  const { prototype } = driver.SizedMessageTransform;
  const { _transform: readMessages } = prototype;
  prototype._transform = function readBoundMessages(chunk, encoding, done) {
    readMessages.call(this, chunk, encoding, (failure) => {
      // The first four bytes of a message are its size (MongoDB, «Wire protocol»).
      const size = this.bufferPool.getInt32();
      done(failure ?? ((size ?? 0) > MOST_BYTES ? refuseSize() : undefined));
    });
  };
}

function refuseSize(): RefusedRequest {
  return new RefusedRequest({
    code: "result_too_large",
    message: "The documents are too large to be read, even in parts.",
    action: "Name fewer fields, or ask for fewer documents.",
  });
}
