import { type Schema, Validator } from "@cfworker/json-schema";
import { z } from "zod";
import type { Classification } from "../call/mask-rules.ts";
import type { JsonValue } from "../encoding/json.ts";
import { checkableSchema, decodePointer, type ForeignSchema, loosenSchema } from "./loosen-schema.ts";

export type { ForeignSchema };

/** Most messages of one check. */
const MOST_MESSAGES = 8;

/**
 * The zod object of a JSON Schema (draft 7 to 2020-12), for tools whose definitions are data. Clients see what
 * {@link loosenSchema} leaves: no `$ref` and no words that hosts refuse; what refers to itself is an open value. The whole
 * object is checked against the original schema by a validator that needs no `eval`.
 *
 * @param classifications - of properties, by name: the guard masks by them
 * @throws TypeError when the schema is not one of an object
 */
export function objectFromJsonSchema(
  schema: ForeignSchema,
  classifications: Readonly<Record<string, Classification>> = {},
): z.ZodObject {
  return z.looseObject(shapeOf(schema, classifications)).superRefine(checkAgainst(schema));
}

/**
 * {@link objectFromJsonSchema} for arguments: closed, so that an argument which the schema does not name is refused,
 * unless the schema takes others by a word of its own (`additionalProperties`, `patternProperties`).
 *
 * @param levels - levels of a property that clients see
 */
export function argumentsFromJsonSchema(
  schema: ForeignSchema,
  classifications: Readonly<Record<string, Classification>> = {},
  levels?: number,
): z.ZodObject {
  const shape = shapeOf(schema, classifications, levels);
  return (takesMore(schema) ? z.looseObject(shape) : z.object(shape)).superRefine(checkAgainst(schema));
}

function shapeOf(
  schema: ForeignSchema,
  classifications: Readonly<Record<string, Classification>>,
  levels?: number,
): Record<string, z.ZodType> {
  if (schema.type !== undefined && schema.type !== "object") {
    throw new TypeError("The schema of arguments and of structured answers is one of an object.");
  }
  const properties = (schema.properties ?? {}) as Record<string, ForeignSchema>;
  const required = new Set(Array.isArray(schema.required) ? schema.required : []);
  return Object.fromEntries(
    Object.entries(properties).map(([name, property]) => {
      const read = readProperty(schema, property, levels);
      const classification = classifications[name];
      const field = classification === undefined ? read : read.meta({ ...read.meta(), classification });
      return [name, required.has(name) ? field : field.optional()];
    }),
  );
}

function takesMore({ additionalProperties: more, patternProperties }: ForeignSchema): boolean {
  return patternProperties !== undefined || (more !== undefined && more !== false);
}

function checkAgainst(schema: ForeignSchema) {
  const validator = new Validator(checkableSchema(schema) as Schema, "2020-12", false);
  return (value: Record<string, unknown>, context: z.RefinementCtx) => {
    const { valid, errors } = validate(validator, value);
    if (valid) return;
    // The last errors are the most exact ones; those before say that a part of the whole does not fit.
    for (const { instanceLocation, error } of errors.slice(-MOST_MESSAGES)) {
      const path = instanceLocation.split("/").slice(1).map(decodePointer);
      context.addIssue({ code: "custom", path, message: error });
    }
  };
}

/** A schema may refer to itself without an end: nothing fits it. */
function validate(validator: Validator, value: Record<string, unknown>): ReturnType<Validator["validate"]> {
  try {
    return validator.validate(withoutUndefined(value));
  } catch {
    const error = "The schema refers to itself without an end, so nothing fits it.";
    return {
      valid: false,
      errors: [{ instanceLocation: "#", keyword: "$ref", keywordLocation: "#", error }],
    };
  }
}

/** One property by zod, or an open value with its description. */
function readProperty(root: ForeignSchema, property: ForeignSchema, levels?: number): z.ZodType {
  const loose = loosenSchema(property, root, levels) as { description?: JsonValue };
  try {
    return z.fromJSONSchema(loose as Parameters<typeof z.fromJSONSchema>[0]);
  } catch {
    // Some word has no form in zod: the validator of the whole object checks it.
    const { description } = loose;
    return typeof description === "string" ? z.unknown().describe(description) : z.unknown();
  }
}

function withoutUndefined(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined));
}
