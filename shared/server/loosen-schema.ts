import type { JsonValue } from "../encoding/json.ts";

/** A JSON Schema as another system wrote it. */
export type ForeignSchema = Readonly<Record<string, JsonValue>>;

/** Levels below a property that clients see; deeper parts are open values. */
export const MOST_LEVELS = 12;

/** Schemas in one property that clients see, after its references were inlined. */
const MOST_SCHEMAS = 600;

/** What hosts take and zod can say. The other words are checked with the original schema, and not shown. */
const SHOWN_WORDS: ReadonlySet<string> = new Set([
  ...["type", "title", "description", "default", "enum", "const"],
  ...["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
  ...["minLength", "maxLength", "pattern", "format", "minItems", "maxItems", "uniqueItems"],
  ...["properties", "required", "additionalProperties", "items", "anyOf", "oneOf", "allOf"],
]);

/**
 * A group that repeats, or a reference back: such a pattern can take exponential time, and it comes from
 * another system. It is neither shown nor checked here; the other system checks it.
 */
const SLOW_PATTERN = /\)[+*{]|\\[1-9k]/;

/** Most open repetitions of a pattern: each one multiplies the time by the length of the text. */
const MOST_REPETITIONS = 3;

/**
 * A schema for clients: references are inlined, and what refers to itself, lies too deep or has no form in
 * hosts becomes an open value that keeps its description. It takes everything that the original takes.
 *
 * @param root - the schema in which references are resolved
 * @param levels - levels that stay; deeper parts are open values
 */
export function loosenSchema(schema: JsonValue, root: ForeignSchema, levels = MOST_LEVELS): JsonValue {
  return loosen(schema, { root, within: new Set(), left: { schemas: MOST_SCHEMAS }, level: 0, levels });
}

interface Place {
  root: ForeignSchema;
  /** References that lead here. */
  within: ReadonlySet<string>;
  left: { schemas: number };
  level: number;
  levels: number;
}

function loosen(schema: JsonValue, place: Place): JsonValue {
  if (typeof schema !== "object" || schema === null || Array.isArray(schema))
    return schema === false ? false : {};
  place.left.schemas -= 1;
  if (place.left.schemas < 0 || place.level > place.levels) return openValue(schema);
  if (typeof schema.$ref === "string") return follow(schema, schema.$ref, place);
  const next = { ...place, level: place.level + 1 };
  const shown = Object.entries(schema).filter(([word]) => SHOWN_WORDS.has(word));
  return Object.fromEntries(
    shown.flatMap(([word, value]) => {
      const loose = loosenWord(word, value, next);
      return loose === undefined ? [] : [[word, loose]];
    }),
  );
}

/** `undefined`: left out. */
function loosenWord(word: string, value: JsonValue, place: Place): JsonValue | undefined {
  switch (word) {
    case "properties":
      return isMap(value)
        ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, loosen(inner, place)]))
        : undefined;
    case "items":
      // A list is the old form of `prefixItems`.
      return Array.isArray(value) ? undefined : loosen(value, place);
    case "additionalProperties":
      return typeof value === "boolean" ? value : loosen(value, place);
    case "anyOf":
    case "oneOf":
    case "allOf":
      return Array.isArray(value) && value.length > 0
        ? value.map((inner) => loosen(inner, place))
        : undefined;
    case "pattern":
      return typeof value === "string" && isQuickPattern(value) ? value : undefined;
    default:
      return value;
  }
}

function follow(schema: ForeignSchema, reference: string, place: Place): JsonValue {
  const target = resolve(reference, place.root);
  if (target === undefined || place.within.has(reference)) return openValue(schema, target);
  const inlined = loosen(target, { ...place, within: new Set([...place.within, reference]) });
  const { description, title, default: usual } = schema;
  const own = Object.entries({ description, title, default: usual }).filter(
    ([, value]) => value !== undefined,
  );
  return isMap(inlined) ? { ...inlined, ...(Object.fromEntries(own) as ForeignSchema) } : inlined;
}

function openValue(...schemas: (JsonValue | undefined)[]): ForeignSchema {
  const texts = schemas.map((schema) => (isMap(schema) ? schema.description : undefined));
  const description = texts.find((text) => typeof text === "string");
  return description === undefined ? {} : { description };
}

/** The place of a local reference (RFC 6901); `undefined` for every other one. */
function resolve(reference: string, root: ForeignSchema): JsonValue | undefined {
  if (reference === "#") return root;
  if (!reference.startsWith("#/")) return undefined;
  let found: JsonValue | undefined = root;
  for (const token of reference.slice(2).split("/").map(decodePointer)) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, token)) return undefined;
    found = (found as Record<string, JsonValue>)[token];
  }
  return found;
}

/**
 * The original for checking arguments, without patterns that can take exponential time and without references
 * that lead out of the schema: no other document is ever read.
 */
export function checkableSchema(schema: ForeignSchema): ForeignSchema {
  const visit = (value: JsonValue): JsonValue => {
    if (Array.isArray(value)) return value.map(visit);
    if (!isMap(value)) return value;
    const { $ref, pattern, $id: _id, $schema: _dialect, ...rest } = value as Record<string, JsonValue>;
    const inner = Object.fromEntries(Object.entries(rest).map(([name, part]) => [name, visit(part)]));
    return {
      ...inner,
      // A property may itself be called like a word; then its value is a schema.
      ...($ref !== undefined &&
        (typeof $ref !== "string" || resolve($ref, schema) !== undefined) && { $ref: visit($ref) }),
      ...(pattern !== undefined &&
        (typeof pattern !== "string" || isQuickPattern(pattern)) && { pattern: visit(pattern) }),
      ...(isMap(_id) && { $id: visit(_id) }),
      ...(isMap(_dialect) && { $schema: visit(_dialect) }),
    };
  };
  return visit(schema) as ForeignSchema;
}

function isQuickPattern(pattern: string): boolean {
  if (pattern.length > 500 || SLOW_PATTERN.test(pattern)) return false;
  if ((pattern.match(/[+*]|,\}/g)?.length ?? 0) > MOST_REPETITIONS) return false;
  try {
    new RegExp(pattern, "u");
    return true;
  } catch {
    return false;
  }
}

function isMap(value: JsonValue | undefined): value is { [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** RFC 6901 §4. */
export function decodePointer(token: string): string {
  return token.replaceAll("~1", "/").replaceAll("~0", "~");
}
