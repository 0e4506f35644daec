/** The keywords of JSON Schema that tools here use. */
export interface Schema {
  type?: string | string[];
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: boolean | Schema;
  anyOf?: Schema[];
  enum?: unknown[];
  format?: string;
  nullable?: boolean;
  default?: unknown;
  [word: string]: unknown;
}

/** Keywords that do not restrict a value. */
const UNTYPED = ["description", "default", "title", "nullable"];

/** Description of a field that accepts JSON text instead of an object, as every tool here does. */
const AS_TEXT = "As JSON text.";

/**
 * Arguments as a host renders them for Gemini's function declarations, whose `Schema` is a part of OpenAPI
 * 3.0: without `additionalProperties`, and with `nullable` for a union with null. A free-form object becomes
 * a text, because Gemini leaves such objects empty; the tools accept JSON text for it.
 */
export function renderForGemini(schema: Schema): Schema {
  const { additionalProperties: _closed, anyOf, ...rest } = schema;
  if (anyOf !== undefined) {
    const others = anyOf.filter(({ type }) => type !== "null");
    const nullable = others.length < anyOf.length ? { nullable: true } : {};
    const [only] = others;
    return only !== undefined && others.length === 1
      ? { ...renderForGemini(only), ...rest, ...nullable }
      : { ...rest, anyOf: others.map(renderForGemini), ...nullable };
  }
  if (isFreeForm(schema)) {
    const { description, nullable } = schema;
    const text = description === undefined ? AS_TEXT : `${description}. ${AS_TEXT}`;
    return { type: "string", description: text, ...(nullable && { nullable }) };
  }
  return {
    ...rest,
    ...(rest.properties && {
      properties: Object.fromEntries(
        Object.entries(rest.properties).map(([name, field]) => [name, renderForGemini(field)]),
      ),
    }),
    ...(rest.items && { items: renderForGemini(rest.items) }),
  };
}

/**
 * Arguments for strict function calling of OpenAI: every object closed, every field required, `null` for
 * optional ones, which the tools treat as undefined. Returns `null` for a free-form object, which strict mode
 * does not support.
 */
export function renderStrict(schema: Schema): Schema | null {
  if (freeFormFields(schema).length > 0) return null;
  return close(schema);
}

function close(schema: Schema): Schema {
  const { default: _default, ...rest } = schema;
  if (rest.anyOf) return { ...rest, anyOf: rest.anyOf.map(close) };
  if (rest.items) return { ...rest, items: close(rest.items) };
  if (rest.type !== "object") return rest;
  const fields = Object.entries(rest.properties ?? {}).map(([name, field]): [string, Schema] => {
    const { description, ...closed } = close(field);
    const isThere = rest.required?.includes(name) === true;
    const described = description === undefined ? {} : { description };
    if (isThere) return [name, { ...described, ...closed }];
    return [name, { ...described, anyOf: [...(closed.anyOf ?? [closed]), { type: "null" }] }];
  });
  return {
    ...rest,
    properties: Object.fromEntries(fields),
    required: fields.map(([name]) => name),
    additionalProperties: false,
  };
}

/** Paths of the free-form objects of a schema. */
export function freeFormFields(schema: Schema, path = ""): string[] {
  if (path !== "" && isFreeForm(schema)) return [path];
  const at = (name: string) => (path === "" ? name : `${path}.${name}`);
  return [
    ...Object.entries(schema.properties ?? {}).flatMap(([name, field]) => freeFormFields(field, at(name))),
    ...(schema.items ? freeFormFields(schema.items, `${path}[]`) : []),
    ...(schema.anyOf ?? []).flatMap((part) => freeFormFields(part, path)),
  ];
}

function isFreeForm(schema: Schema): boolean {
  const { type, properties } = schema;
  if (type === undefined) return Object.keys(schema).every((word) => UNTYPED.includes(word));
  return type === "object" && Object.keys(properties ?? {}).length === 0;
}
