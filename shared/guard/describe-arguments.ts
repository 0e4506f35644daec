import type { CallDetails } from "../audit/record.ts";
import { canonicalize, digestText } from "../encoding/canonical-json.ts";

/**
 * The part of a call's arguments that a record keeps: names and JSON types of known ones, the number of
 * unknown ones, and a digest that can later prove the values. An unknown name is the caller's own text, so it
 * is only counted.
 *
 * @param known - names of the schema's top-level arguments
 */
export function describeArguments(
  args: Readonly<Record<string, unknown>>,
  known: ReadonlySet<string>,
): Pick<CallDetails, "arguments" | "unknownArguments" | "argumentsDigest"> {
  const entries = Object.entries(args).filter(([, value]) => value !== undefined);
  const recognized = entries.filter(([name]) => known.has(name));
  return {
    arguments: Object.fromEntries(recognized.map(([name, value]) => [name, jsonTypeOf(value)])),
    unknownArguments: entries.length - recognized.length,
    argumentsDigest: digestText(canonicalize(args)),
  };
}

function jsonTypeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}
