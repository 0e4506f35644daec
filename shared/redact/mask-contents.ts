import type { z } from "zod";
import type { MaskRules } from "../call/mask-rules.ts";
import type { JsonValue } from "../encoding/json.ts";

import { maskFields } from "./mask-fields.ts";
import { maskStrings } from "./mask-text.ts";

/** The schema of the JSON that a resource holds, if it declares one. */
export type SchemaOfUri = (uri: string) => z.core.$ZodType | undefined;

/**
 * Masks what has no output schema of its own: contents of resources, messages of prompts, content blocks, lists. The
 * contents of a resource, wherever they are embedded, are masked field by field if the resource declares what they
 * hold; everything else is free text.
 */
export function maskContents<Value>(value: Value, rules: MaskRules, schemaOf: SchemaOfUri): Value {
  return visit(value, rules, schemaOf) as Value;
}

function visit(value: unknown, rules: MaskRules, schemaOf: SchemaOfUri): unknown {
  if (Array.isArray(value)) return value.map((item) => visit(item, rules, schemaOf));
  if (typeof value !== "object" || value === null) return maskStrings(value, rules.text);
  const { uri, text, data, mimeType } = value as Record<string, unknown>;
  if (typeof uri === "string" && typeof text === "string") {
    const schema = schemaOf(uri);
    if (schema) return { ...value, text: maskJson(schema, text, rules) };
  }
  // Pictures and sound are bytes: there is no text to find, and one changed character would break them.
  if (typeof data === "string" && typeof mimeType === "string") return value;
  const entries = Object.entries(value).map(([name, item]) => [
    name,
    typeof item === "string" ? maskStrings({ [name]: item }, rules.text)[name] : visit(item, rules, schemaOf),
  ]);
  return Object.fromEntries(entries);
}

function maskJson(schema: z.core.$ZodType, text: string, rules: MaskRules): string {
  return JSON.stringify(maskFields(schema, JSON.parse(text) as JsonValue, rules));
}
