import { CommandFailure } from "../local/failure.ts";

/** The structured answer of a tool. */
export type Answer = Record<string, unknown>;

/** The system behind a tool is away. */
export class Unavailable extends Error {}

/**
 * Reads a value inside an answer: `at(answer, "deals", 0, "name")`. Throws a {@link CommandFailure} with the path when it is
 * missing, as with fewer data than `npm start` loads by itself.
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
    throw new CommandFailure(
      `The answer has no ${path.join(".")}: ${JSON.stringify(answer).slice(0, 300)}`,
      "The demonstration asks about the data that npm start loads by itself: npm start -- --reset",
    );
  }
  return value;
}

/** Describes a list inside an answer by one field of its first three items. */
export function describe(answer: Answer, list: string, field: string): string {
  const items = at(answer, list) as Record<string, unknown>[];
  const names = items.slice(0, 3).map((item) => String(item[field]));
  return `${items.length}: ${names.join("; ")}${items.length > 3 ? "; …" : ""}`;
}
