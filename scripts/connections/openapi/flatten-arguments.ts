import { OWN_HEADERS } from "../../../shared/connections/kinds/http-auth.ts";
import type { HttpOperation, OperationArgument } from "../../../shared/connections/operations.ts";
import { isRecord } from "../../../shared/encoding/is-record.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { type Part, resolvePart, type SchemaBundle } from "./local-references.ts";
import { Unusable } from "./unusable.ts";

/** One argument with its schema. */
export interface FlatArgument {
  argument: OperationArgument;
  schema: JsonValue;
  required: boolean;
}

/** What of a request the caller gives, as one flat object where that is unambiguous. */
export interface FlatArguments {
  arguments: FlatArgument[];
  body: HttpOperation["body"];
}

/** Headers and parameters of the query that the entry's authentication sets. */
export interface SetByGatehouse {
  headers: readonly string[];
  query: readonly string[];
}

const STYLES = new Set([
  "simple",
  "label",
  "matrix",
  "form",
  "spaceDelimited",
  "pipeDelimited",
  "deepObject",
]);

/** Names of fields that hosts take. */
function safeName(key: string): string {
  const safe = key
    .replace(/[^A-Za-z0-9_.-]+/g, "_")
    .replace(/^_+|_+$/g, "")
    .slice(0, 60);
  return safe || "value";
}

/** The arguments of an operation. Throws {@link Unusable}. */
export function flattenArguments(
  document: Part,
  operation: Part,
  shared: JsonValue | undefined,
  path: string,
  bundle: SchemaBundle,
  taken: SetByGatehouse,
): FlatArguments {
  const parameters = readParameters(
    document,
    [...listOf(shared), ...listOf(operation.parameters)],
    path,
    bundle,
    taken,
  );
  const { fields, body, isRequired } = readBody(document, operation.requestBody, bundle);
  const names = new Map<string, number>();
  for (const { argument } of parameters) names.set(argument.name, (names.get(argument.name) ?? 0) + 1);
  const hasWhole = body?.whole !== undefined;
  const apart = parameters.map((one) => {
    const { name, in: place } = one.argument;
    const isClear = names.get(name) === 1 && !(hasWhole && name === body?.whole);
    return isClear ? one : { ...one, argument: { ...one.argument, name: `${place}_${name}` } };
  });
  const clash = fields.some(({ argument }) => names.has(argument.name));
  const twice = new Set(fields.map(({ argument }) => argument.name)).size < fields.length;
  if (body === undefined || (!clash && !twice)) return { arguments: [...apart, ...fields], body };
  if (body.whole !== undefined) return { arguments: [...apart, ...fields], body };
  // A name has two meanings: the body stays one argument.
  const inner = fields.map(({ argument, schema }) => [argument.key, schema] as const);
  const required = fields.filter((one) => one.required).map(({ argument }) => argument.key);
  const schema = {
    type: "object",
    properties: Object.fromEntries(inner),
    ...(required.length > 0 && { required }),
  };
  const name = names.has("body") ? "request_body" : "body";
  const whole: FlatArgument = {
    argument: { name, in: "body", key: "body", style: "simple", explode: false },
    schema,
    required: isRequired,
  };
  return { arguments: [...apart, whole], body: { ...body, whole: name } };
}

function readParameters(
  document: Part,
  given: readonly JsonValue[],
  path: string,
  bundle: SchemaBundle,
  taken: SetByGatehouse,
): FlatArgument[] {
  // One of the operation replaces one of its path with the same place and name.
  const found = new Map<string, FlatArgument>();
  for (const raw of given) {
    const parameter = resolvePart(document, raw);
    const { in: place, name: key } = parameter;
    if (typeof key !== "string" || typeof place !== "string")
      throw new Unusable("has a parameter without a name");
    if (isSet(place, key, taken)) continue;
    if (place === "cookie") {
      if (parameter.required === true) throw new Unusable(`needs the cookie ${key}`);
      continue;
    }
    if (place !== "path" && place !== "query" && place !== "header")
      throw new Unusable(`has a parameter in ${place}`);
    if (place === "path" && !path.includes(`{${key}}`)) continue;
    found.set(`${place} ${key}`, readParameter(document, parameter, place, key, bundle));
  }
  for (const [, key = ""] of path.matchAll(/\{([^{}]+)\}/g)) {
    if (found.has(`path ${key}`)) continue;
    const argument = {
      name: safeName(key),
      in: "path" as const,
      key,
      style: "simple" as const,
      explode: false,
    };
    found.set(`path ${key}`, { argument, schema: { type: "string" }, required: true });
  }
  return [...found.values()];
}

function isSet(place: string, key: string, taken: SetByGatehouse): boolean {
  if (place === "query") return taken.query.includes(key);
  const lower = key.toLowerCase();
  return (
    place === "header" &&
    (OWN_HEADERS.test(lower) || taken.headers.some((name) => name.toLowerCase() === lower))
  );
}

function readParameter(
  document: Part,
  parameter: Part,
  place: "path" | "query" | "header",
  key: string,
  bundle: SchemaBundle,
): FlatArgument {
  if (place === "header" && !/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/.test(key))
    throw new Unusable("has a header parameter that is no header");
  const content = isRecord(parameter.content) ? Object.values(parameter.content as Part)[0] : undefined;
  const media = content === undefined ? undefined : resolvePart(document, content);
  const usual = place === "query" ? "form" : "simple";
  const style = typeof parameter.style === "string" && STYLES.has(parameter.style) ? parameter.style : usual;
  const argument = {
    name: safeName(key),
    in: place,
    key,
    style: style as OperationArgument["style"],
    explode:
      typeof parameter.explode === "boolean" ? parameter.explode : style === "form" || style === "deepObject",
    ...(media !== undefined && { json: true }),
  };
  const schema = describe(bundle.add(media?.schema ?? parameter.schema), parameter.description);
  return { argument, schema, required: place === "path" || parameter.required === true };
}

function describe(schema: JsonValue, description: JsonValue | undefined): JsonValue {
  if (typeof description !== "string" || description.trim() === "" || !isRecord(schema)) return schema;
  return { ...(schema as Part), description: description.trim().slice(0, 600) };
}

const KINDS = [
  { type: "json", fits: /^application\/(?:[\w.-]+\+)?json\b|^\*\/\*$|^application\/\*$/i },
  { type: "form", fits: /^application\/x-www-form-urlencoded\b/i },
  { type: "multipart", fits: /^multipart\/form-data\b/i },
  { type: "text", fits: /^text\//i },
  { type: "binary", fits: /^(?:application\/(?:octet-stream|pdf|zip|gzip|x-tar)|image\/|audio\/|video\/)/i },
] as const;

function readBody(
  document: Part,
  raw: JsonValue | undefined,
  bundle: SchemaBundle,
): { fields: FlatArgument[]; body: HttpOperation["body"]; isRequired: boolean } {
  if (raw === undefined) return { fields: [], body: undefined, isRequired: false };
  const request = resolvePart(document, raw);
  const content = Object.entries((isRecord(request.content) ? request.content : {}) as Part);
  if (content.length === 0) return { fields: [], body: undefined, isRequired: false };
  const found = KINDS.flatMap(({ type, fits }) => {
    const [media, value] = content.find(([name]) => fits.test(name)) ?? [];
    return media === undefined ? [] : [{ type, media, value: resolvePart(document, value) }];
  })[0];
  if (found === undefined) throw new Unusable(`takes ${content[0]?.[0]} alone, which is not built`);
  const { type, value } = found;
  const media = type === "json" && !/json/i.test(found.media) ? "application/json" : found.media;
  const mustBe = request.required === true;
  const shape = type === "binary" || type === "text" ? null : flattenObject(document, value.schema);
  if (shape === null) {
    const isFile = type === "binary";
    const about =
      typeof request.description === "string" ? request.description : isFile ? "The file, as Base64." : "";
    const schema = isFile
      ? { type: "string" }
      : type === "text"
        ? { type: "string" }
        : bundle.add(value.schema);
    const argument = {
      name: "body",
      in: "body" as const,
      key: "body",
      style: "simple" as const,
      explode: false,
    };
    return {
      fields: [
        {
          argument: { ...argument, ...(isFile && { file: true }) },
          schema: describe(schema, about),
          required: mustBe,
        },
      ],
      body: { type, media, whole: "body" },
      isRequired: mustBe,
    };
  }
  // Many documents leave `required` of the body out although its members are required.
  const isRequired = mustBe || shape.required.length > 0;
  const encoding = (isRecord(value.encoding) ? value.encoding : {}) as Part;
  const fields = Object.entries(shape.properties).flatMap(([key, inner]): FlatArgument[] => {
    const plain = tryResolve(document, inner);
    if (plain.readOnly === true) return [];
    const isFile = type === "multipart" && isBinary(plain);
    const how = (isRecord(encoding[key]) ? encoding[key] : {}) as Part;
    const style = how.style === "deepObject" ? "deepObject" : "form";
    const argument = {
      name: safeName(key),
      in: "body" as const,
      key,
      style: style as OperationArgument["style"],
      explode: typeof how.explode === "boolean" ? how.explode : true,
      ...(isFile && { file: true }),
    };
    const schema = isFile ? { type: "string", description: "The file, as Base64." } : bundle.add(inner);
    return [{ argument, schema, required: isRequired && shape.required.includes(key) }];
  });
  return { fields, body: { type, media }, isRequired };
}

function isBinary({ format, contentMediaType, contentEncoding, items }: Part): boolean {
  if (isRecord(items)) return false;
  return (
    format === "binary" || contentMediaType === "application/octet-stream" || contentEncoding === "binary"
  );
}

function tryResolve(document: Part, part: JsonValue | undefined): Part {
  try {
    return resolvePart(document, part);
  } catch {
    return {};
  }
}

/** The properties of an object, also of one that is put together; `null` for every other schema. */
function flattenObject(
  document: Part,
  raw: JsonValue | undefined,
  level = 0,
): { properties: Part; required: readonly string[] } | null {
  if (raw === undefined || level > 5) return null;
  const schema = resolvePart(document, raw);
  if (schema.oneOf !== undefined || (Array.isArray(schema.anyOf) && !schema.anyOf.every(onlyRequires)))
    return null;
  const parts = listOf(schema.allOf).map((part) => flattenObject(document, part, level + 1));
  if (parts.includes(null)) return null;
  if (schema.properties === undefined && parts.length === 0) return null;
  // An object that takes others by name is one value.
  if (isRecord(schema.additionalProperties) && Object.keys(schema.additionalProperties).length > 0)
    return null;
  const own = (isRecord(schema.properties) ? schema.properties : {}) as Part;
  const known = parts.filter((part) => part !== null);
  return {
    properties: Object.assign({}, ...known.map(({ properties }) => properties), own) as Part,
    required: [...known.flatMap(({ required }) => required), ...listOf(schema.required).map(String)],
  };
}

/** `anyOf` that names required properties: at least one of them, which the other system checks. */
function onlyRequires(part: JsonValue): boolean {
  return isRecord(part) && Object.keys(part).join() === "required";
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}
