import type { OperationArgument } from "../../../shared/connections/operations.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";

/** An argument of a profile. */
export interface ProfileArgument {
  argument: OperationArgument;
  schema: Record<string, JsonValue>;
  required: boolean;
}

const TYPES: Readonly<Record<string, Record<string, JsonValue>>> = {
  text: { type: "string", maxLength: 20_000 },
  integer: { type: "integer" },
  number: { type: "number" },
  boolean: { type: "boolean" },
  date: { type: "string", format: "date" },
  time: { type: "string", format: "date-time" },
  object: { type: "object", additionalProperties: true },
  row: { type: "array", items: {}, maxItems: 1_000 },
};

/**
 * Reads `type[?] [@key] Words`: `integer? Most rows`, `open|closed? State`, `text[] @properties.name Labels`. `?` is
 * optional, `[]` a list, `a|b` the only values. `@key` is the name at the other system, `@a>b` a member of a member,
 * `@*` the whole body; `@header:Name` a header.
 * Throws a `TypeError`.
 *
 * @param place - where it goes unless the key says otherwise
 */
export function readArgument(name: string, text: string, place: "path" | "query" | "body"): ProfileArgument {
  const [, typeText = "", keyText, words = ""] = /^(\S+)(?:\s+@(\S+))?\s*(.*)$/s.exec(text.trim()) ?? [];
  const required = !typeText.endsWith("?");
  const bare = typeText.replace(/\?$/, "");
  const isList = bare.endsWith("[]");
  const one = typeOf(bare.replace(/\[\]$/, ""), name);
  const isHeader = keyText?.startsWith("header:") === true;
  const key = isHeader ? keyText.slice("header:".length) : (keyText ?? name);
  const inside = isHeader ? "header" : place;
  const value = isList ? { type: "array", items: one, maxItems: 200 } : one;
  return {
    argument: {
      name,
      in: inside,
      key,
      style: inside === "path" || inside === "header" ? "simple" : "form",
      explode: inside === "body",
    },
    schema: { ...value, ...(words !== "" && { description: words }) },
    required,
  };
}

function typeOf(text: string, name: string): Record<string, JsonValue> {
  if (text.includes("|")) return { type: "string", enum: text.split("|") };
  const known = TYPES[text];
  if (known === undefined) throw new TypeError(`${name}: "${text}" is no type of an argument.`);
  return known;
}
