import type { JsonValue } from "../../../../shared/encoding/json.ts";
import { forbid, quote, reject, suggestNames } from "../refuse.ts";

/** A JSON object. */
export type JsonObject = { [key: string]: JsonValue };

/**
 * Reads one value of a request and gives what is sent in its place: nothing reaches the other system that no reader
 * has built. Throws in our own words; `at` names the place.
 */
export type Read = (value: JsonValue, at: string) => JsonValue;

/** Most characters of a text. */
const LONGEST = 10_000;

export function readObject(value: JsonValue, at: string): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw reject(`${at} must be an object.`);
  return value;
}

/** An object whose keys are all in `rules`; the others are refused with the closest name. */
export function members(
  rules: Readonly<Record<string, Read>>,
  required: readonly string[] = [],
): (value: JsonValue, at: string) => JsonObject {
  const known = new Map(Object.entries(rules));
  return (value, at) => {
    const given = readObject(value, at);
    const missing = required.find((key) => !Object.hasOwn(given, key));
    if (missing !== undefined) throw reject(`${at} needs ${quote(missing)}.`);
    return Object.fromEntries(
      Object.entries(given).map(([key, inner]) => {
        const rule = known.get(key);
        if (rule === undefined)
          throw forbid(`${quote(key)} is not allowed in ${at}.${suggestNames(key, [...known.keys()])}`);
        return [key, rule(inner, `${at}.${key}`)];
      }),
    );
  };
}

/** An object with exactly one key. */
export function onlyMember(value: JsonValue, at: string): readonly [string, JsonValue] {
  const [first, ...others] = Object.entries(readObject(value, at));
  if (first === undefined || others.length > 0) throw reject(`${at} must have exactly one key.`);
  return first;
}

/** A list. Its `least` is 1 where the other system takes an empty one for «all» or for a default of its own. */
export function list(
  most: number,
  read: Read,
  least: 0 | 1 = 0,
): (value: JsonValue, at: string) => JsonValue[] {
  return (value, at) => {
    if (!Array.isArray(value)) throw reject(`${at} must be a list.`);
    if (value.length < least) throw reject(`${at} is empty; it needs at least one item.`);
    if (value.length > most) throw reject(`${at} has ${value.length} items; at most ${most} are allowed.`);
    return value.map((item, index) => read(item, `${at}[${index}]`));
  };
}

export const readText: Read = (value, at) => {
  if (typeof value !== "string") throw reject(`${at} must be a text.`);
  if (value.length > LONGEST) throw reject(`${at} has more than ${LONGEST} characters.`);
  return value;
};

export const readBoolean: Read = (value, at) => {
  if (typeof value !== "boolean") throw reject(`${at} must be true or false.`);
  return value;
};

export const readNumber: Read = (value, at) => {
  if (typeof value !== "number") throw reject(`${at} must be a number.`);
  return value;
};

/** Text, number, true, false or null. */
export const readScalar: Read = (value, at) => {
  if (typeof value === "object" && value !== null) throw reject(`${at} must be a single value.`);
  return typeof value === "string" ? readText(value, at) : value;
};

export function integer(least: number, most: number): Read {
  return (value, at) => {
    if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most)
      throw reject(`${at} must be a whole number from ${least} to ${most}.`);
    return value;
  };
}

export function oneOf(...words: readonly string[]): Read {
  return (value, at) => {
    if (typeof value !== "string" || !words.includes(value.toLowerCase()))
      throw reject(`${at} must be one of ${words.join(", ")}.`);
    return value;
  };
}

/** Text of a short pattern, such as an interval or a format. */
export function pattern(shape: RegExp): Read {
  return (value, at) => {
    if (typeof value !== "string" || value.length > 200 || !shape.test(value))
      throw reject(`${at} has characters that do not belong there.`);
    return value;
  };
}

const WORDS = { object: "an object", list: "a list", scalar: "a single value" } as const;

/** The reader of the value's JSON type. */
export function either(choices: Readonly<Partial<Record<"object" | "list" | "scalar", Read>>>): Read {
  return (value, at) => {
    const isNested = typeof value === "object" && value !== null;
    const kind = Array.isArray(value) ? "list" : isNested ? "object" : "scalar";
    const read = choices[kind];
    if (read === undefined) throw reject(`${at} cannot be ${WORDS[kind]}.`);
    return read(value, at);
  };
}
