import type { RefusedRequest } from "../connector.ts";
import { MOST_LEVELS, refuseNesting } from "../nesting.ts";
import { MOST_BYTES } from "../sql/answer-size.ts";

/** Fewest bytes that a member of an array has on the wire: "+\r\n". */
const LEAST_BYTES = 3;

/** Most characters of a line without text: a type and a number. */
const LONGEST_LINE = 24;

const CR = 13;
const LF = 10;

/** A line of RESP2 («Redis serialization protocol specification»), without the text of those that have one. */
const LINE = /^(?:[+-]|:[+-]?\d+|([$*])(-1|\d+))$/;

/** The part of a socket of Node that is used. */
interface Stream {
  push(chunk: Uint8Array | null): boolean;
  destroy(cause: Error): unknown;
}

/**
 * Stands between a socket of Redis and its driver, from the first byte on. The driver keeps a reply until it is whole, and
 * makes room for the members of an array as soon as it has read how many are said to come.
 */
export class AnswerMeter {
  readonly #refuse: () => RefusedRequest;
  #bytes = 0;
  #members = 0;
  /** Members that are still to come, of each array that is not whole. */
  #open: number[] = [];
  /** What has arrived of a line. */
  #line = "";
  #isAfterCr = false;
  /** Bytes of a text and its end that are still to come. */
  #text = 0;
  #cause: Error | null = null;

  constructor(refuse: () => RefusedRequest) {
    this.#refuse = refuse;
  }

  /** Why the socket was ended; `null` while it was not. */
  get cause(): Error | null {
    return this.#cause;
  }

  /** Lets the next request bring {@link MOST_BYTES}. */
  reset(): void {
    this.#bytes = 0;
    this.#members = 0;
  }

  /** Ends the socket at bytes that are too many or are no RESP2, before the driver has them. */
  watch(stream: Stream): void {
    const push = stream.push.bind(stream);
    stream.push = (chunk) => {
      if (this.#cause !== null) return false;
      this.#cause = chunk === null ? null : this.#check(chunk);
      if (this.#cause === null) return push(chunk);
      stream.destroy(this.#cause);
      return false;
    };
  }

  #check(chunk: Uint8Array): Error | null {
    this.#bytes += chunk.byteLength;
    if (this.#bytes > MOST_BYTES) return this.#refuse();
    for (let at = 0; at < chunk.byteLength; ) {
      const ofText = Math.min(this.#text, chunk.byteLength - at);
      this.#text -= ofText;
      const failure = ofText > 0 ? null : this.#readByte(chunk[at] ?? 0);
      if (failure !== null) return failure;
      at += Math.max(1, ofText);
    }
    return null;
  }

  #readByte(byte: number): Error | null {
    if (this.#isAfterCr) {
      this.#isAfterCr = false;
      // The driver skips what follows a CR: read otherwise here, the two would take different bytes for a length.
      return byte === LF ? this.#endLine() : notSpoken();
    }
    this.#isAfterCr = byte === CR;
    const hasText = this.#line === "+" || this.#line === "-";
    if (!this.#isAfterCr && !hasText) this.#line += String.fromCharCode(byte);
    return this.#line.length > LONGEST_LINE ? notSpoken() : null;
  }

  #endLine(): Error | null {
    const found = LINE.exec(this.#line);
    this.#line = "";
    if (found === null) return notSpoken();
    const [, type, count] = found;
    if (type === "$" && count !== "-1") this.#text = Number(count) + 2;
    const members = type === "*" ? Math.max(0, Number(count)) : 0;
    this.#members += members;
    if (this.#text > MOST_BYTES || this.#members > MOST_BYTES / LEAST_BYTES) return this.#refuse();
    return this.#nest(members);
  }

  /** Counts a value, which may be an array of so many members. The driver takes a frame of the stack for each level. */
  #nest(members: number): Error | null {
    if (members > 0) return this.#open.push(members) > MOST_LEVELS ? refuseNesting() : null;
    while (this.#open.length > 0) {
      const left = (this.#open.pop() ?? 1) - 1;
      if (left > 0) {
        this.#open.push(left);
        break;
      }
    }
    return null;
  }
}

function notSpoken(): Error {
  return new Error("The server does not speak RESP2.");
}
