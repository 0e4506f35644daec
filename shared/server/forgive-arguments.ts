import { z } from "zod";
import { isDeeperThan, MAX_DEPTH } from "../encoding/depth.ts";
import { isWellFormed } from "../text/well-formed.ts";

type Schema = z.core.$ZodType;

/** Syntax of a JSON number (RFC 8259 §6). */
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d{1,3})?$/;

/** Digits that a double holds without loss. */
const EXACT_DIGITS = 15;

/**
 * Converts arguments as models write them, if exactly one reading is possible: `null` for an optional field
 * is dropped; a number or boolean may be quoted; a list or object may be JSON text; one value may stand for a
 * list of one. Values that the schema accepts are never changed, and neither are names. A value with no
 * reading or several stays, and the schema refuses it.
 *
 * @returns `given` itself if nothing was converted
 */
export function forgiveArguments(
  schema: z.ZodObject,
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return forgive(schema, given) as Readonly<Record<string, unknown>>;
}

function forgive(schema: Schema, value: unknown): unknown {
  if (isValid(schema, value)) return value;
  const { def } = unwrap(schema)._zod as { def: z.core.$ZodTypes["_zod"]["def"] };
  switch (def.type) {
    case "number":
      return readNumber(value);
    case "boolean":
      return readBoolean(value);
    case "literal":
      return def.values.includes(readNumber(value) as number) ? readNumber(value) : value;
    case "array":
      return readList(def.element, value);
    case "object": {
      const read = typeof value === "string" ? readJson(value) : value;
      return isObject(read) ? forgiveMembers(def.shape, read) : value;
    }
    case "record": {
      const read = typeof value === "string" ? readJson(value) : value;
      return isObject(read) ? mapMembers(read, (member) => forgive(def.valueType, member)) : value;
    }
    case "union":
      return readOneOf(def.options, value);
    default:
      return value;
  }
}

function isValid(schema: Schema, value: unknown): boolean {
  return z.core.safeParse(schema, value).success;
}

/** The schema inside wrappers, which describes the input value. */
function unwrap(schema: Schema): Schema {
  const { def } = schema._zod as { def: z.core.$ZodTypes["_zod"]["def"] };
  switch (def.type) {
    case "optional":
    case "nullable":
    case "default":
    case "prefault":
    case "nonoptional":
    case "readonly":
    case "catch":
      return unwrap(def.innerType);
    case "pipe":
      return unwrap(def.in._zod.def.type === "transform" ? def.out : def.in);
    default:
      return schema;
  }
}

function forgiveMembers(shape: z.core.$ZodShape, given: Readonly<Record<string, unknown>>): object {
  const read = Object.entries(given).flatMap(([name, value]): [string, unknown][] => {
    const schema = Object.hasOwn(shape, name) ? shape[name] : undefined;
    if (schema === undefined) return [[name, value]];
    const isLeftOut = value === null && !isValid(schema, null) && isValid(schema, undefined);
    return isLeftOut ? [] : [[name, forgive(schema, value)]];
  });
  return Object.fromEntries(read);
}

function mapMembers(given: object, read: (value: unknown) => unknown): object {
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, read(value)]));
}

function readNumber(value: unknown): unknown {
  if (typeof value !== "string") return value;
  const text = value.trim();
  const digits = text.replace(/[eE].*$/, "").replace(/\D/g, "");
  if (!NUMBER.test(text) || digits.length > EXACT_DIGITS) return value;
  const number = Number(text);
  return Number.isFinite(number) ? number : value;
}

function readBoolean(value: unknown): unknown {
  const text = typeof value === "string" ? value.trim().toLowerCase() : "";
  return text === "true" ? true : text === "false" ? false : value;
}

/**
 * JSON text of a list, or one value for a list of one. Text that begins like JSON is never a single value.
 */
function readList(element: Schema, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => forgive(element, item));
  const isText = typeof value === "string";
  const read = isText ? readJson(value) : undefined;
  if (Array.isArray(read)) return read.map((item) => forgive(element, item));
  if (value === null || value === undefined || (isText && mayBeSeveral(element, value))) return value;
  const only = forgive(element, value);
  return isValid(element, only) ? [only] : value;
}

/** Text with separators may be several values, unless it is one of a set of choices. */
function mayBeSeveral(element: Schema, text: string): boolean {
  if (isObject(readJson(text))) return false;
  const { type } = unwrap(element)._zod.def;
  return type !== "enum" && type !== "literal" && /[,;|\n]|^\s*[[{]/.test(text);
}

/** The one value that a union's options read; unchanged if they read none or different ones. */
function readOneOf(options: readonly Schema[], value: unknown): unknown {
  const readings = options
    .map((option) => ({ option, read: forgive(option, value) }))
    .filter(({ option, read }) => isValid(option, read))
    .map(({ read }) => read);
  const [first] = readings;
  const same = new Set(readings.map((read) => JSON.stringify(read))).size === 1;
  return same ? first : value;
}

/** The list or object that a text holds as JSON; `undefined` for any other text. */
export function readJson(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const isFine = !isDeeperThan(value as object, MAX_DEPTH) && isWellFormed(value);
    return isFine ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
