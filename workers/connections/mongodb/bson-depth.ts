import { refuseNesting } from "../nesting.ts";

/** Levels of a document: MongoDB stores no more («MongoDB Limits» names 100; the server takes some that have up to 200). */
const MOST_LEVELS = 200;

/** Levels of an answer around its documents: the answer, its cursor, and the batch. */
const AROUND = 3;

/** Bytes of values of a fixed size, by their type («BSON specification»). */
const SIZES: Readonly<Record<number, number>> = {
  1: 8,
  6: 0,
  7: 12,
  8: 1,
  9: 8,
  10: 0,
  16: 4,
  17: 8,
  18: 8,
  19: 16,
  127: 0,
  255: 0,
};

/** Types that begin with the length of a text: texts, references (with an id behind it), code and symbols. */
const TEXTS = [2, 12, 13, 14];
const [OBJECT, LIST, BINARY, REGEX, REFERENCE, SCOPED] = [3, 4, 5, 11, 12, 15] as const;

/**
 * Why a document of BSON is not read: it has too many levels, each of which takes the driver a frame of the stack, or is
 * not built as its lengths say, so that the driver might find other levels than are counted here. `null` for all others.
 *
 * @param from - place of its first byte
 */
export function checkBson(bytes: Uint8Array, from: number): Error | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ends: number[] = [];
  let at = from;
  const number = () => {
    const value = view.getInt32(at, true);
    at += 4;
    return value;
  };
  const skip = (length: number) => {
    if (length < 0) throw new RangeError("A negative length.");
    at += length;
  };
  const skipName = () => skip(bytes.indexOf(0, at) + 1 - at);
  const enter = () => ends.push(at + number());
  try {
    enter();
    while (ends.length > 0) {
      const type = view.getUint8(at);
      at += 1;
      if (type === 0) {
        if (ends.pop() !== at) return notBuilt();
        continue;
      }
      skipName();
      const size = SIZES[type];
      if (size !== undefined) skip(size);
      else if (TEXTS.includes(type)) skip(number() + (type === REFERENCE ? 12 : 0));
      else if (type === BINARY) skip(number() + 1);
      else if (type === REGEX) {
        skipName();
        skipName();
      } else if (type === OBJECT || type === LIST) enter();
      else if (type === SCOPED) {
        // All its bytes, its text, and its object.
        skip(4);
        skip(number());
        enter();
      } else return notBuilt();
      if (ends.length > MOST_LEVELS + AROUND) return refuseNesting(MOST_LEVELS);
    }
    return null;
  } catch (failure) {
    if (failure instanceof RangeError) return notBuilt();
    throw failure;
  }
}

function notBuilt(): Error {
  return new Error("The server sent a document that is not built as BSON says.");
}
