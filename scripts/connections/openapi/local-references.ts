import { isRecord } from "../../../shared/encoding/is-record.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { decodePointer } from "../../../shared/server/loosen-schema.ts";
import { Unusable } from "./unusable.ts";

/** A JSON object of a document. */
export type Part = Record<string, JsonValue>;

/** Most references that follow each other. */
const LONGEST_CHAIN = 20;

/** The part that a reference names, or the part itself. Throws {@link Unusable} for one that leads elsewhere. */
export function resolvePart(document: Part, part: JsonValue | undefined): Part {
  let found = part;
  for (let followed = 0; followed <= LONGEST_CHAIN; followed += 1) {
    if (!isRecord(found)) throw new Unusable("has a part that is no object");
    if (typeof found.$ref !== "string") return found as Part;
    found = lookUp(document, found.$ref);
  }
  throw new Unusable("refers to itself without an end");
}

/** RFC 6901 within the document. Another document is never read. */
function lookUp(document: Part, reference: string): JsonValue {
  if (!reference.startsWith("#/"))
    throw new Unusable(`refers to another document (${reference.slice(0, 80)})`);
  let found: JsonValue | undefined = document;
  for (const token of reference.slice(2).split("/").map(decodeToken)) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, token))
      throw new Unusable(`refers to ${reference.slice(0, 80)}, which does not exist`);
    found = (found as Part)[token];
  }
  return found as JsonValue;
}

function decodeToken(token: string): string {
  try {
    return decodePointer(decodeURIComponent(token));
  } catch {
    return decodePointer(token);
  }
}

/** Words of a schema that describe it to people and tools, and take part in no check. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  ...["example", "examples", "xml", "externalDocs", "discriminator", "$id", "$schema", "$comment", "$anchor"],
]);

/** Words whose value is one schema, a list of schemas, or schemas by name. */
const ONE = new Set([
  "items",
  "additionalProperties",
  "not",
  "if",
  "then",
  "else",
  "contains",
  "propertyNames",
]);
const LIST = new Set(["anyOf", "oneOf", "allOf", "prefixItems"]);
const NAMED = new Set(["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"]);

/** Schemas with what they refer to, under names of their own: a document for one operation. */
export class SchemaBundle {
  readonly #document: Part;
  readonly #names = new Map<string, string>();
  readonly #most: number;
  readonly defs: Part = {};

  /** @param most - references behind each other; what lies deeper is an open value */
  constructor(document: Part, most: number) {
    this.#document = document;
    this.#most = most;
  }

  /** A copy whose references are `#/$defs/…` of this bundle. */
  add(schema: JsonValue | undefined, level = 0): JsonValue {
    if (typeof schema === "boolean") return schema;
    if (!isRecord(schema)) return {};
    const words = Object.entries(schema as Part).filter(
      ([word]) => !LEFT_OUT.has(word) && !word.startsWith("x-"),
    );
    const copied = Object.fromEntries(
      words.map(([word, value]) => [
        // Choices of documents overlap: the other system takes a value that fits several.
        word === "oneOf" && schema.anyOf === undefined ? "anyOf" : word,
        word === "$ref" ? this.#refer(value, level) : this.#copy(word, value, level),
      ]),
    );
    // A word of OpenAPI 3.0 that the upgrade leaves where there is no type.
    return schema.nullable === true && schema.type === undefined
      ? { anyOf: [copied, { type: "null" }] }
      : copied;
  }

  #copy(word: string, value: JsonValue, level: number): JsonValue {
    if (LIST.has(word) && Array.isArray(value)) return value.map((inner) => this.add(inner, level));
    if (ONE.has(word)) return this.add(value, level);
    if (NAMED.has(word) && isRecord(value))
      return Object.fromEntries(
        Object.entries(value as Part).map(([name, inner]) => [name, this.add(inner, level)]),
      );
    return word === "description" && typeof value === "string" ? value.slice(0, 600) : value;
  }

  #refer(value: JsonValue, level: number): string {
    const reference = String(value);
    const known = this.#names.get(reference);
    if (known !== undefined) return `#/$defs/${known}`;
    const last = decodeToken(reference.slice(reference.lastIndexOf("/") + 1)).replace(/[^A-Za-z0-9_-]/g, "_");
    const taken = new Set(this.#names.values());
    const plain = last || "part";
    const name = taken.has(plain) ? `${plain}_${this.#names.size}` : plain;
    this.#names.set(reference, name);
    this.defs[name] = level >= this.#most ? {} : this.add(lookUp(this.#document, reference), level + 1);
    return `#/$defs/${name}`;
  }
}
