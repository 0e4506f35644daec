import { type Schema, Validator } from "@cfworker/json-schema";
import { z } from "zod";
import type { Classification } from "../call/mask-rules.ts";
import type { JsonValue } from "../encoding/json.ts";

/** A JSON Schema as another system wrote it. */
export type ForeignSchema = Readonly<Record<string, JsonValue>>;

/** Most messages of one check. */
const MOST_MESSAGES = 8;

/**
 * The zod object of a JSON Schema (draft 7 to 2020-12), for tools whose definitions are data. Each property that zod can
 * say is said by zod; every other one (references to itself, `if`, `not`, `dependentRequired`) is an open value, so that
 * what clients see has no `$ref` and no words that hosts refuse. The whole object is checked against the original schema
 * by a validator that needs no `eval`.
 *
 * @param classifications - of properties, by name: the guard masks by them
 * @throws TypeError when the schema is not one of an object
 */
export function objectFromJsonSchema(
  schema: ForeignSchema,
  classifications: Readonly<Record<string, Classification>> = {},
): z.ZodObject {
  if (schema.type !== undefined && schema.type !== "object") {
    throw new TypeError("The schema of arguments and of structured answers is one of an object.");
  }
  const properties = (schema.properties ?? {}) as Record<string, ForeignSchema>;
  const required = new Set(Array.isArray(schema.required) ? schema.required : []);
  const shape = Object.fromEntries(
    Object.entries(properties).map(([name, property]) => {
      const read = readProperty(schema, property);
      const classification = classifications[name];
      const field = classification === undefined ? read : read.meta({ ...read.meta(), classification });
      return [name, required.has(name) ? field : field.optional()];
    }),
  );
  const validator = new Validator(schema as Schema, "2020-12", false);
  return z.looseObject(shape).superRefine((value, context) => {
    const { valid, errors } = validator.validate(withoutUndefined(value));
    if (valid) return;
    // The last errors are the most exact ones; those before say that a part of the whole does not fit.
    for (const { instanceLocation, error } of errors.slice(-MOST_MESSAGES)) {
      const path = instanceLocation.split("/").slice(1).map(decodePointer);
      context.addIssue({ code: "custom", path, message: error });
    }
  });
}

/** One property by zod, or an open value with its description. References are resolved within the whole schema. */
function readProperty({ $defs, definitions }: ForeignSchema, property: ForeignSchema): z.ZodType {
  const description = typeof property.description === "string" ? property.description : undefined;
  if (!isRecursive(property)) {
    try {
      const whole = {
        ...property,
        ...($defs !== undefined && { $defs }),
        ...(definitions !== undefined && { definitions }),
      };
      return z.fromJSONSchema(whole as Parameters<typeof z.fromJSONSchema>[0]);
    } catch {
      // Some word has no form in zod: the validator of the whole object checks it.
    }
  }
  return description === undefined ? z.unknown() : z.unknown().describe(description);
}

/** Whether a schema refers to another place: what stands there may refer back. */
function isRecursive(schema: JsonValue): boolean {
  if (Array.isArray(schema)) return schema.some(isRecursive);
  if (typeof schema !== "object" || schema === null) return false;
  return "$ref" in schema || Object.values(schema).some(isRecursive);
}

function withoutUndefined(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined));
}

/** RFC 6901 §4. */
function decodePointer(token: string): string {
  return token.replaceAll("~1", "/").replaceAll("~0", "~");
}
