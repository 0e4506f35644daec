import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { freeFormFields, renderForGemini, renderStrict, type Schema } from "./render.ts";

/** A tool as in `tools/list`. */
export interface ListedTool {
  name: string;
  description: string;
  inputSchema: Schema;
  outputSchema?: Schema | undefined;
}

/** Verdict of one host on one tool: empty if the host accepts it, otherwise the reasons. */
export interface Host {
  name: string;
  /** Whether a refused tool fails the check; otherwise only the table reports it. */
  required: boolean;
  judge(tool: ListedTool): string[];
}

/** Keywords that no sent schema may have: some host refuses the whole list because of them. */
const FORBIDDEN = [
  ..."$ref $dynamicRef $schema $defs $id $anchor definitions const oneOf allOf not if then else".split(" "),
  ..."prefixItems patternProperties propertyNames dependentRequired dependentSchemas contains".split(" "),
  ..."unevaluatedProperties unevaluatedItems exclusiveMinimum exclusiveMaximum".split(" "),
];

/** Fields of Gemini's `Schema` (ai.google.dev/api/caching#Schema), in the spelling of its JSON. */
const GEMINI_FIELDS = [
  ..."type format title description nullable enum items maxItems minItems properties required anyOf".split(
    " ",
  ),
  ..."minProperties maxProperties minLength maxLength pattern minimum maximum default example".split(" "),
];
const TYPES = ["string", "number", "integer", "boolean", "array", "object"];

/** Every host with its rules, in the order of the table. */
export const HOSTS: readonly Host[] = [
  { name: "plain words", required: true, judge: judgeWords },
  { name: "OpenAI", required: true, judge: judgeOpenAi },
  { name: "OpenAI strict", required: false, judge: judgeStrict },
  { name: "Gemini", required: true, judge: judgeGemini },
  { name: "Anthropic", required: true, judge: judgeAnthropic },
  ...(["draft-07", "2020-12"] as const).flatMap((draft) =>
    [false, true].map((strict) => ({
      name: `ajv ${draft}${strict ? " strict" : ""}`,
      required: true,
      judge: (tool: ListedTool) => judgeAjv(tool, draft, strict),
    })),
  ),
];

/**
 * No reference, no dialect, one type per schema in arguments; and no union that only some validators support.
 */
function judgeWords({ inputSchema, outputSchema }: ListedTool): string[] {
  return [
    ...findWords(inputSchema, "input", true),
    ...(outputSchema === undefined ? [] : findWords(outputSchema, "output", false)),
  ];
}

function findWords(schema: Schema, where: string, oneType: boolean): string[] {
  const found = FORBIDDEN.filter((word) => Object.hasOwn(schema, word)).map((word) => `${where} has ${word}`);
  if (oneType && Array.isArray(schema.type)) found.push(`${where} has a list of types`);
  return [
    ...found,
    ...listParts(schema).flatMap(([name, part]) => findWords(part, `${where}.${name}`, oneType)),
  ];
}

/** Function calling requires an object without a union at its top, and item types of lists. */
function judgeOpenAi({ name, description, inputSchema }: ListedTool): string[] {
  return [
    ...(/^[A-Za-z0-9_-]{1,64}$/.test(name) ? [] : ["its name is not taken"]),
    ...(description.length <= 1024 ? [] : ["its description has more than 1,024 characters"]),
    ...findTopFaults(inputSchema),
    ...findListsWithoutItems(inputSchema, "input"),
  ];
}

/** Strict mode requires closed objects with all fields required, so free-form fields are not possible. */
function judgeStrict({ inputSchema }: ListedTool): string[] {
  return renderStrict(inputSchema) === null ? [`free-form: ${freeFormFields(inputSchema).join(", ")}`] : [];
}

/** The arguments as rendered by a host must be Gemini's `Schema` and nothing else. */
function judgeGemini({ inputSchema }: ListedTool): string[] {
  return findNotGemini(renderForGemini(inputSchema), "input");
}

function findNotGemini(schema: Schema, where: string): string[] {
  const unknown = Object.keys(schema).filter((word) => !GEMINI_FIELDS.includes(word));
  const typed = typeof schema.type === "string" && TYPES.includes(schema.type);
  const format = schema.format === undefined || ["enum", "date-time"].includes(String(schema.format));
  return [
    ...unknown.map((word) => `${where} has ${word}`),
    ...(typed || schema.anyOf !== undefined ? [] : [`${where} has no single type`]),
    ...(format ? [] : [`${where} has format ${String(schema.format)}`]),
    ...(schema.enum === undefined || schema.type === "string"
      ? []
      : [`${where} has choices that are no texts`]),
    ...(schema.type !== "object" || Object.keys(schema.properties ?? {}).length > 0 || where === "input"
      ? []
      : [`${where} is an object without fields`]),
    ...listParts(schema).flatMap(([name, part]) => findNotGemini(part, `${where}.${name}`)),
  ];
}

/** `input_schema` is an object of JSON Schema 2020-12 with short names and no union at its top. */
function judgeAnthropic(tool: ListedTool): string[] {
  const names = Object.keys(tool.inputSchema.properties ?? {});
  return [
    ...findTopFaults(tool.inputSchema),
    ...names.filter((name) => !/^[A-Za-z0-9_.-]{1,64}$/.test(name)).map((name) => `${name} is no name`),
  ];
}

function judgeAjv(tool: ListedTool, draft: "draft-07" | "2020-12", strict: boolean): string[] {
  return [tool.inputSchema, tool.outputSchema].flatMap((schema) => {
    if (schema === undefined) return [];
    try {
      new (draft === "draft-07" ? Ajv : Ajv2020)({ strict, allErrors: true }).compile(schema);
      return [];
    } catch (failure) {
      return [failure instanceof Error ? failure.message : String(failure)];
    }
  });
}

function findTopFaults(schema: Schema): string[] {
  const unions = ["anyOf", "oneOf", "allOf", "enum", "not"].filter((word) => Object.hasOwn(schema, word));
  return [
    ...(schema.type === "object" ? [] : ["its top is no object"]),
    ...unions.map((word) => `its top has ${word}`),
  ];
}

function findListsWithoutItems(schema: Schema, where: string): string[] {
  return [
    ...(schema.type === "array" && schema.items === undefined ? [`${where} does not say what it holds`] : []),
    ...listParts(schema).flatMap(([name, part]) => findListsWithoutItems(part, `${where}.${name}`)),
  ];
}

/** The schemas inside of a schema, each with its name. */
function listParts(schema: Schema): [string, Schema][] {
  const { properties = {}, items, additionalProperties, anyOf = [] } = schema;
  return [
    ...Object.entries(properties),
    ...(items === undefined ? [] : [["items", items] as [string, Schema]]),
    ...(typeof additionalProperties === "object"
      ? [["additionalProperties", additionalProperties] as [string, Schema]]
      : []),
    ...anyOf.map((part, index): [string, Schema] => [`anyOf[${index}]`, part]),
  ];
}
