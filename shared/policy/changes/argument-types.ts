import type { JsonValue } from "../../encoding/json.ts";
import type { JsonSchema } from "../../server/schema.ts";
import type { ArgumentTypes } from "../expression.ts";

/** Types that an expression can rely on in a tool's arguments. */
export interface TypedArguments {
  types: ArgumentTypes;
  /** Names that may be absent at evaluation: neither required nor with a default. */
  optional: readonly string[];
}

/**
 * CEL types from the JSON Schema of a tool's arguments. Every JSON number is a double; values without a type
 * in the schema are `dyn`, which is checked at the call.
 */
export function typeArguments(input: JsonSchema | null): TypedArguments {
  const properties = asObject(input?.properties);
  const required = Array.isArray(input?.required) ? input.required : [];
  const optional = Object.entries(properties)
    .filter(([name, schema]) => !required.includes(name) && !("default" in asObject(schema)))
    .map(([name]) => name);
  return {
    types: Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, toType(schema)])),
    optional,
  };
}

function toType(value: JsonValue): string {
  const schema = asObject(value);
  switch (schema.type) {
    case "string":
      return "string";
    case "boolean":
      return "bool";
    case "number":
    case "integer":
      return "double";
    case "array":
      return `list<${toType(schema.items ?? null)}>`;
    case "object":
      return "map<string, dyn>";
    default:
      return "dyn";
  }
}

function asObject(value: JsonValue | undefined): Record<string, JsonValue> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}
