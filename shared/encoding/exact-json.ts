import type { JsonValue } from "./json.ts";

/** Parses JSON whose large whole numbers are kept exact, as text. Throws a `SyntaxError` for what is no JSON. */
export function parseExactly(text: string): JsonValue {
  // The third parameter (JSON.parse source text access) is not in the types of the language yet.
  const exact = (_: string, value: JsonValue, context?: { source?: string }): JsonValue =>
    typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)
      ? (context?.source ?? value)
      : value;
  return JSON.parse(text, exact as Parameters<typeof JSON.parse>[1]) as JsonValue;
}
