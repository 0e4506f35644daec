import type { JsonValue } from "../../../shared/encoding/json.ts";
import { isNestedTooDeep, refuseNesting } from "../nesting.ts";

/** Most characters of one cell; a longer text is cut. */
const CELL = 20_000;

const encoder = new TextEncoder();

/** Collects rows until a bound is reached. `add` says whether there is room for more. */
export function boundRows(limits: { rows: number; bytes: number }): {
  add(rows: readonly (readonly unknown[])[]): boolean;
  result(): { rows: JsonValue[][]; cut: boolean };
} {
  const taken: JsonValue[][] = [];
  let bytes = 0;
  let cut = false;
  return {
    add(rows) {
      for (const row of rows) {
        const cells = row.map(toCell);
        bytes += encoder.encode(JSON.stringify(cells)).length;
        // One row is always taken: without it the caller would not learn what is too large.
        if (taken.length >= limits.rows || (bytes > limits.bytes && taken.length > 0)) {
          cut = true;
          return false;
        }
        taken.push(cells);
      }
      return true;
    },
    result: () => ({ rows: taken, cut }),
  };
}

/** A driver's value as JSON. */
function toCell(value: unknown): JsonValue {
  if (typeof value === "string") return value.length <= CELL ? value : `${value.slice(0, CELL)}…`;
  if (value === null || value === undefined) return null;
  if (typeof value === "bigint") return String(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`;
  if (typeof value !== "object") return value as JsonValue;
  const text = writeJson(value);
  if (text.length > CELL) return `${text.slice(0, CELL)}…`;
  return isNestedTooDeep(text) ? text : (JSON.parse(text) as JsonValue);
}

/** Throws a refusal for a value that a driver has parsed, and that has more levels than the stack has room for. */
function writeJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (failure) {
    throw failure instanceof RangeError ? refuseNesting() : failure;
  }
}
