/** Bytes that are read at most at a time. The runtime reads 4 KB without a buffer, and each read takes a turn of its own. */
const PIECE_BYTES = 65_536;

/**
 * The body in larger pieces, which fails once `check` throws. What has arrived is passed on at once.
 *
 * @param check - looks at each piece before it is passed on; what it throws ends the body for its reader and its sender
 */
export function boundBody(
  body: ReadableStream<Uint8Array>,
  check: (piece: Uint8Array) => void,
): ReadableStream<Uint8Array> {
  const pieces = readPieces(body);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const piece = await pieces.next();
        if (piece === null) return controller.close();
        try {
          check(piece);
        } catch (fault) {
          controller.error(fault);
          await pieces.cancel(fault);
          return;
        }
        controller.enqueue(piece);
      },
      cancel: (reason) => pieces.cancel(reason),
    },
    // Nothing is read before it is wanted.
    { highWaterMark: 0 },
  );
}

interface Pieces {
  /** The next piece, or `null` at the end. */
  next(): Promise<Uint8Array | null>;
  cancel(reason: unknown): Promise<void>;
}

function readPieces(body: ReadableStream<Uint8Array>): Pieces {
  const reader = openByteReader(body);
  if (reader === null) {
    const plain = body.getReader();
    return {
      next: async () => (await plain.read()).value ?? null,
      cancel: (reason) => plain.cancel(reason),
    };
  }
  let buffer = new ArrayBuffer(PIECE_BYTES);
  return {
    async next() {
      const { value, done } = await reader.read(new Uint8Array(buffer));
      if (done || value === undefined) return null;
      buffer = value.buffer;
      // A copy of its own: the buffer takes the next piece.
      return value.slice();
    },
    cancel: (reason) => reader.cancel(reason),
  };
}

/** `null` for a stream that was made of values, as those of an application are. */
function openByteReader(body: ReadableStream<Uint8Array>): ReadableStreamBYOBReader | null {
  try {
    return body.getReader({ mode: "byob" });
  } catch {
    return null;
  }
}
