import type { OpenapiEntry } from "../../../shared/connections/kinds/openapi.ts";
import type { HttpOperation } from "../../../shared/connections/operations.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { Compiled } from "../openapi/compile-document.ts";
import { isSelected } from "../openapi/select-operation.ts";
import type { Profile, ProfileOperation } from "./load-profile.ts";
import { readArgument } from "./read-argument.ts";

const EFFECTS: Readonly<Record<string, HttpOperation["effect"]>> = { GET: "read", DELETE: "delete" };

/** The operations of a profile for an entry, as a document would give them. */
export function compileProfile(profile: Profile, entry: OpenapiEntry): Compiled {
  const base = new URL(entry.reach.url).pathname.replace(/\/+$/, "");
  const compiled: Compiled = { operations: [], refused: [], leftOut: 0 };
  for (const [name, declared] of Object.entries(profile.operations)) {
    const [method = "GET", path = "/"] = declared.request.split(" ");
    const one = { tags: [], path, method: method.toLowerCase(), operationId: name };
    if (isSelected(entry, one))
      compiled.operations.push(
        compileOne(name, declared, entry, { method, path, base, failure: profile.failure }),
      );
    else compiled.leftOut += 1;
  }
  return compiled;
}

function compileOne(
  name: string,
  declared: ProfileOperation,
  entry: OpenapiEntry,
  {
    method,
    path,
    base,
    failure,
  }: { method: string; path: string; base: string; failure: Profile["failure"] },
): HttpOperation {
  const said = entry.operations[name] ?? {};
  const hasBody = method !== "GET" && method !== "DELETE";
  const read = Object.entries(declared.input).map(([argument, text]) => {
    const isInPath = path.includes(`{${argument}}`);
    return readArgument(argument, text, isInPath ? "path" : hasBody ? "body" : "query");
  });
  const required = read.filter((one) => one.required).map(({ argument }) => argument.name);
  const input: Record<string, JsonValue> = {
    type: "object",
    properties: Object.fromEntries(read.map(({ argument, schema }) => [argument.name, schema])),
    ...(required.length > 0 && { required }),
    additionalProperties: false,
  };
  const whole = read.find(({ argument }) => argument.key === "*");
  if (whole !== undefined) whole.argument.key = "body";
  const { graphql, body, fixed, query, list, paging, answer } = declared;
  const fields = said.fields ?? declared.fields;
  return {
    type: "tool",
    name,
    tool: said.name ?? name,
    title: said.title ?? declared.title,
    description: said.description ?? declared.description,
    effect: said.effect ?? declared.effect ?? EFFECTS[method] ?? "update",
    method,
    path: `${base}${path}`,
    input,
    arguments: read.map(({ argument }) => argument),
    ...(graphql !== undefined && {
      body: { type: "graphql" as const, media: "application/json", fixed: graphql },
    }),
    ...(graphql === undefined &&
      hasBody && { body: { ...bodyOf(body, fixed), ...(whole && { whole: whole.argument.name }) } }),
    ...(query && { query }),
    ...(list !== undefined && { list }),
    ...(paging && { paging }),
    ...(failure && { failure }),
    ...(fields && { fields }),
    ...((answer ?? describeFields(fields)) !== undefined && { answer: answer ?? describeFields(fields) }),
  };
}

function bodyOf(
  type: "json" | "form",
  fixed: Record<string, JsonValue> | undefined,
): NonNullable<HttpOperation["body"]> {
  const media = type === "form" ? "application/x-www-form-urlencoded" : "application/json";
  return { type, media, ...(fixed && { fixed }) };
}

/** The kept fields are the best description of an answer. */
function describeFields(fields: readonly string[] | undefined): string | undefined {
  return fields === undefined ? undefined : `{${fields.join(", ")}}`;
}
