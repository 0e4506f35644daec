import type { HttpOperation } from "../../../shared/connections/operations.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { Part } from "../../connections/openapi/local-references.ts";
import { sampleValue } from "./sample-value.ts";

/** Arguments for one call of an operation: what it requires, and no more. */
export function sampleInput({ input, arguments: given }: HttpOperation): Record<string, JsonValue> {
  const properties = input.properties as Part;
  const required = Array.isArray(input.required) ? input.required.map(String) : [];
  const files = new Set(given.filter(({ file }) => file).map(({ name }) => name));
  return Object.fromEntries(
    required.map((name) => [name, files.has(name) ? "AAAA" : sampleValue(input, properties[name], false)]),
  );
}
