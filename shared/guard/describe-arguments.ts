import type { CallDetails } from "../audit/record.ts";
import { canonicalize, digestText } from "../encoding/canonical-json.ts";

/**
 * What may be kept of a call's arguments: which known ones came, with their JSON types, how many unknown ones, and a
 * digest that proves later which values they were. A name outside of the schema is the caller's own text, so it is
 * only counted.
 *
 * @param known - names of the top-level arguments in the schema
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
