import { z } from "zod";
import type { Effect } from "../call/subject.ts";
import { ToolError } from "../call/tool-error.ts";
import type { JsonValue } from "../encoding/json.ts";
import { findNearMisses } from "../text/near-misses.ts";
import { cutText, findHalfCharacter } from "../text/well-formed.ts";
import type { ToolDefinition } from "./define.ts";
import { forgiveArguments } from "./forgive-arguments.ts";

/** A JSON Schema object (2020-12, MCP's default dialect). */
export type JsonSchema = { [key: string]: JsonValue };

/** Added to a result that was too large: where the rest is and how to read it. */
const MORE = z
  .looseObject({ handle: z.string(), how: z.string() })
  .describe("Where the rest of a cut answer is");

/**
 * The JSON Schema of a tool's arguments, as clients see it. Closed: an unknown argument is refused, never
 * ignored. A definition of another system may take arguments that it does not name.
 */
export function inputSchemaOf(input: z.ZodObject): JsonSchema {
  const wire = toWire(input, "input");
  return takesOthers(input) ? wire : { ...wire, additionalProperties: false };
}

/** The JSON Schema of a tool's structured result, with `more` if the result may be cut. */
export function outputSchemaOf(tool: ToolDefinition): JsonSchema | undefined {
  if (!tool.output) return undefined;
  const schema = tool.overflow ? tool.output.extend({ more: MORE.optional() }) : tool.output;
  return toWire(schema, "output");
}

/** The JSON Schema of what an event delivers. */
export function payloadSchemaOf(payload: z.ZodObject): JsonSchema {
  return toWire(payload, "output");
}

/** Keywords that older dialects lack or define differently. */
const NEW_WORDS =
  /"(\$defs|\$anchor|\$dynamicRef|prefixItems|if|dependentSchemas|dependentRequired|unevaluated\w+)":/;

/**
 * JSON Schema 2020-12 without parts that cost tokens and help no reader: bounds of safe integers, `minLength:
 * 1` of required texts, `propertyNames` of records, our classifications, and in results what all parts have
 * in common: every field is present, unknown ones as `null`, and there are no others. The server still
 * enforces all of it. The first level of a result keeps its `required`. The dialect is MCP's default
 * (2025-11-25, SEP-1613), and is named if an older one would read the schema differently.
 */
function toWire(schema: z.ZodObject, io: "input" | "output"): JsonSchema {
  const { $schema, ...rest } = z.toJSONSchema(schema, {
    io,
    override({ jsonSchema, path }) {
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minLength === 1) delete jsonSchema.minLength;
      // Gemini knows two formats, and strict validators fail on formats that they do not know.
      delete jsonSchema.format;
      const {
        minLength: _least,
        maxLength: _most,
        ...names
      } = (jsonSchema.propertyNames ?? {}) as JsonSchema;
      if (Object.keys(names).join() === "type") delete jsonSchema.propertyNames;
      delete jsonSchema.classification;
      if (io === "output") flattenNullable(jsonSchema);
      if (io === "input") return;
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
      if (path.length > 0) delete jsonSchema.required;
    },
  });
  const wire = spreadTypes(rest as JsonSchema, io) as JsonSchema;
  return (NEW_WORDS.test(JSON.stringify(rest)) ? { $schema, ...wire } : wire) as JsonSchema;
}

/**
 * Writes `anyOf` of a type and null as one type list, which is shorter. Enumerations stay, because null is
 * not one of their values.
 */
function flattenNullable(schema: z.core.JSONSchema.BaseSchema): void {
  const [type, none, ...others] = schema.anyOf ?? [];
  if (typeof type?.type !== "string" || type.enum || none?.type !== "null" || others.length > 0) return;
  const { anyOf: _both, ...rest } = schema;
  for (const key of Object.keys(schema)) delete schema[key];
  Object.assign(schema, type, rest, { type: [type.type, "null"] });
}

/**
 * Splits lists of types into `anyOf`. Hosts that pass arguments to Gemini fail on type lists (its
 * `Schema.type` is one word), and strict validators on those of results, except a type and null. Runs last,
 * because zod itself writes such lists.
 */
function spreadTypes(value: JsonValue, io: "input" | "output"): JsonValue {
  if (Array.isArray(value)) return value.map((item) => spreadTypes(item, io));
  if (typeof value !== "object" || value === null) return value;
  const { type: types, ...rest } = Object.fromEntries(
    Object.entries(value).map(([word, inner]) => [word, spreadTypes(inner, io)]),
  );
  if (types === undefined) return rest;
  const isKept = io === "output" && Array.isArray(types) && types.length === 2 && types.includes("null");
  if (!Array.isArray(types) || isKept) return { type: types, ...rest };
  return { ...rest, anyOf: types.map((type) => ({ type })) };
}

/** The four MCP hints that follow from an effect (MCP 2025-11-25, `ToolAnnotations`). */
export function annotationsOf(tool: Pick<ToolDefinition, "title" | "effect" | "idempotent" | "openWorld">): {
  title: string;
  readOnlyHint: boolean;
  destructiveHint: boolean;
  idempotentHint: boolean;
  openWorldHint: boolean;
} {
  const destructive: Record<Effect, boolean> = { read: false, create: false, update: true, delete: true };
  return {
    title: tool.title,
    readOnlyHint: tool.effect === "read",
    destructiveHint: destructive[tool.effect],
    idempotentHint: tool.idempotent ?? tool.effect === "read",
    openWorldHint: tool.openWorld ?? false,
  };
}

/**
 * Validates arguments against a schema, after {@link forgiveArguments}. Unknown names are refused and the
 * known ones listed, because a silently ignored argument makes a model believe in a filter that was never
 * applied. Throws `invalid_input` naming each field.
 */
export function parseArguments<Schema extends z.ZodObject>(schema: Schema, args: unknown): z.output<Schema> {
  const given = args ?? {};
  if (typeof given !== "object" || Array.isArray(given)) {
    throw new ToolError("invalid_input", "Arguments must be one JSON object.");
  }
  const broken = findHalfCharacter(given);
  if (broken !== null) {
    const message = `${cutText(broken, 200) || "arguments"}: Half of a character (a surrogate without its pair) is no text.`;
    throw new ToolError("invalid_input", message, { suggestedAction: "Send whole characters." });
  }
  const known = Object.keys(schema.shape);
  const unknown = takesOthers(schema) ? [] : Object.keys(given).filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    const names = unknown.slice(0, 5).map((name) => {
      const short = cutText(name, 60);
      const [near] = findNearMisses(short, known);
      return `"${short}"${near === undefined ? "" : ` (closest: ${near})`}`;
    });
    const takes = known.length > 0 ? `It takes: ${known.join(", ")}.` : "It takes no arguments.";
    throw new ToolError("invalid_input", `Unknown argument ${names.join(", ")}. ${takes}`);
  }
  const result = schema.safeParse(forgiveArguments(schema, given as Record<string, unknown>));
  if (result.success) return result.data;
  throw new ToolError("invalid_input", describeIssues(result.error));
}

/** Whether an object takes members that its shape does not name. */
function takesOthers({ def }: z.ZodObject): boolean {
  return def.catchall !== undefined && def.catchall._zod.def.type !== "never";
}

/** One line per field: `region: Invalid option: expected one of …`. At most eight, to keep the text short. */
export function describeIssues(error: z.ZodError): string {
  return error.issues
    .slice(0, 8)
    .map((issue) =>
      cutText(`${issue.path.length > 0 ? issue.path.join(".") : "arguments"}: ${issue.message}`, 300),
    )
    .join("\n");
}
