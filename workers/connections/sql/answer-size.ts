import { RefusedRequest } from "../connector.ts";

/**
 * Most bytes that one answer may bring over the wire. A driver keeps a row until it is whole, and a single row
 * can be larger than an object's memory.
 */
export const MOST_BYTES = 8_000_000;

/** Most bytes of an answer about tables and columns, whose number is bounded too. */
export const MOST_OF_CATALOGUE = MOST_BYTES * 4;

/** The answer has more than {@link MOST_BYTES}. */
export function refuseSize(): RefusedRequest {
  return new RefusedRequest({
    code: "invalid_input",
    message: "The answer is too large to be read, even in parts.",
    action: "Select fewer columns, or parts of long values: left(column, 1000).",
  });
}
