import { ToolError } from "../../../shared/call/tool-error.ts";
import type { OperationArgument } from "../../../shared/connections/operations.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";

/** A name and a value, each percent-encoded. */
export type Pair = readonly [string, string];

/** A scalar as text; anything else as JSON. */
export function textOf(value: JsonValue): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** A literal of OData: a quote within it is doubled, so that the value cannot end it. */
function writeLiteral(
  { before, after }: NonNullable<OperationArgument["literal"]>,
  value: JsonValue,
): string {
  // Without quotes around it nothing but its own characters ends it.
  if (!before.endsWith("'") && !/^[A-Za-z0-9.:+-]{1,80}$/.test(textOf(value)))
    throw new ToolError("invalid_input", "A key of the record has characters that it cannot have.");
  return `${before}${textOf(value).replaceAll("'", "''")}${after}`;
}

/** A path argument (OpenAPI 3.1, «Style Values»: simple, label, matrix), encoded so that it cannot leave its segment. */
export function joinSimple(argument: OperationArgument, value: JsonValue): string {
  const { key, style, explode, json, literal } = argument;
  if (literal !== undefined) return encode(writeLiteral(literal, value));
  if (json) return encode(JSON.stringify(value));
  const isList = Array.isArray(value);
  const isObject = typeof value === "object" && value !== null && !isList;
  const pairs = isObject
    ? Object.entries(value).map(([name, inner]) => [encode(name), encode(textOf(inner))] as const)
    : [];
  const items = isList
    ? value.map((inner) => encode(textOf(inner)))
    : isObject
      ? explode
        ? pairs.map(([name, inner]) => `${name}=${inner}`)
        : pairs.flat()
      : [encode(textOf(value))];
  switch (style) {
    case "label":
      return `.${items.join(explode ? "." : ",")}`;
    case "matrix": {
      if (isObject && explode) return `;${items.join(";")}`;
      if (isList && explode) return items.map((item) => `;${encode(key)}=${item}`).join("");
      return `;${encode(key)}=${items.join(",")}`;
    }
    default:
      return items.join(",");
  }
}

/** A query argument (form, spaceDelimited, pipeDelimited, deepObject), as encoded pairs. */
export function queryPairs(argument: OperationArgument, value: JsonValue): Pair[] {
  const { key, style, explode, json, literal } = argument;
  const name = encode(key);
  if (literal !== undefined) return [[name, encode(writeLiteral(literal, value))]];
  if (json) return [[name, encode(JSON.stringify(value))]];
  if (style === "deepObject" && typeof value === "object") return deepPairs(key, value);
  if (Array.isArray(value)) {
    const items = value.map((inner) => encode(textOf(inner)));
    if (style === "spaceDelimited") return [[name, items.join("%20")]];
    if (style === "pipeDelimited") return [[name, items.join("%7C")]];
    return explode ? items.map((item) => [name, item] as const) : [[name, items.join(",")]];
  }
  if (typeof value === "object" && value !== null) {
    const pairs = Object.entries(value).map(
      ([inner, part]) => [encode(inner), encode(textOf(part))] as const,
    );
    return explode ? pairs : [[name, pairs.flat().join(",")]];
  }
  return [[name, encode(textOf(value))]];
}

/** Nested values with brackets: `filter[name]=x`, `expand[0]=y`. */
export function deepPairs(key: string, value: JsonValue): Pair[] {
  if (typeof value !== "object" || value === null) return [[encodeKey(key), encode(textOf(value))]];
  return Object.entries(value).flatMap(([name, inner]) =>
    deepPairs(key === "" ? name : `${key}[${name}]`, inner),
  );
}

function encodeKey(key: string): string {
  return encode(key).replaceAll("%5B", "[").replaceAll("%5D", "]");
}

/** Everything but letters, digits and `-_.~` (RFC 3986 §2.3). */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (found) => `%${found.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
