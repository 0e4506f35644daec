import type { z } from "zod";
import { findNearMisses } from "../../text/near-misses.ts";

/** What a file may hold, in the words of its author. */
const TYPES: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a map of fields",
  record: "a map",
  null: "null",
};

/**
 * A mistake of shape as the rule that the value breaks, such as "must be at most 65535". A message that a schema has of its
 * own stays.
 *
 * @param issue - of a parse with `reportInput`
 */
export function describeIssue(issue: z.core.$ZodIssue): string {
  const isOwn = !/^(?:Invalid (?!discriminator)|Too big|Too small)/.test(issue.message);
  if (isOwn) return issue.message;
  switch (issue.code) {
    case "invalid_type":
      return issue.input === undefined ? "is missing" : `must be ${TYPES[issue.expected] ?? issue.expected}`;
    case "too_big":
      return `must ${sayBound(issue.origin, issue.inclusive === false ? "less than" : "at most", issue.maximum)}`;
    case "too_small":
      return `must ${sayBound(issue.origin, issue.inclusive === false ? "more than" : "at least", issue.minimum)}`;
    case "invalid_value": {
      if (issue.input === undefined) return "is missing";
      const values = issue.values.map(String);
      const [nearest] = findNearMisses(String(issue.input), values);
      const meant = nearest === undefined ? "" : `. Did you mean "${nearest}"?`;
      return `must be ${values.length > 1 ? "one of " : ""}${values.join(", ")}${meant}`;
    }
    default:
      return "has another form than this field takes";
  }
}

function sayBound(origin: string, how: string, bound: number | bigint): string {
  const s = Number(bound) === 1 ? "" : "s";
  if (origin === "string") return `have ${how} ${bound} character${s}`;
  if (origin === "array" || origin === "set" || origin === "map") return `have ${how} ${bound} item${s}`;
  return `be ${how} ${bound}`;
}
