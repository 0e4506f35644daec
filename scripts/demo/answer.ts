/** The structured answer of a tool. */
export type Answer = Record<string, unknown>;

/** The system behind a tool is away. */
export class Unavailable extends Error {}

/**
 * Reads a value inside an answer: `at(answer, "deals", 0, "name")`. Throws with the path when it is missing.
 */
export function at(answer: Answer, ...path: (string | number)[]): unknown {
  let value: unknown = answer;
  for (const step of path) {
    value =
      typeof value === "object" && value !== null
        ? (value as Record<string | number, unknown>)[step]
        : undefined;
  }
  if (value === undefined) {
    throw new Error(`The answer has no ${path.join(".")}: ${JSON.stringify(answer).slice(0, 300)}`);
  }
  return value;
}

/** Describes a list inside an answer by one field of its first three items. */
export function describe(answer: Answer, list: string, field: string): string {
  const items = at(answer, list) as Record<string, unknown>[];
  const names = items.slice(0, 3).map((item) => String(item[field]));
  return `${items.length}: ${names.join("; ")}${items.length > 3 ? "; …" : ""}`;
}
