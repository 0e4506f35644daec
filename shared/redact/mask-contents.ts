import type { z } from "zod";
import type { MaskRules } from "../call/mask-rules.ts";
import type { JsonValue } from "../encoding/json.ts";

import { maskFields } from "./mask-fields.ts";
import { maskStrings } from "./mask-text.ts";

/** Finds the schema of a resource's JSON contents, if it declares one. */
export type SchemaOfUri = (uri: string) => z.core.$ZodType | undefined;

/**
 * Masks values without an output schema: resource contents, prompt messages, content blocks, lists. Contents
 * of a resource, also embedded ones, are masked field by field if the resource declares a schema; everything
 * else is free text.
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
  // Pictures and sound are bytes: they contain no text, and a changed character would break them.
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
