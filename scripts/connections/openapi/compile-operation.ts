import type { OpenapiEntry } from "../../../shared/connections/kinds/openapi.ts";
import type { HttpOperation } from "../../../shared/connections/operations.ts";
import { isRecord } from "../../../shared/encoding/is-record.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { argumentsFromJsonSchema } from "../../../shared/server/json-schema-object.ts";
import { loosenSchema, MOST_LEVELS } from "../../../shared/server/loosen-schema.ts";
import { cleanLine, cleanText } from "../../../shared/text/clean-text.ts";
import { findList, readAnswer, sketchAnswer } from "./describe-answer.ts";
import { findPaging } from "./find-paging.ts";
import { type FlatArguments, flattenArguments, type SetByGatehouse } from "./flatten-arguments.ts";
import { type Part, SchemaBundle } from "./local-references.ts";
import { nameOperation } from "./name-operation.ts";
import { Unusable } from "./unusable.ts";

/** Most characters of the schema that arguments are checked with; deeper parts of a larger one are open values. */
const MOST_CHARACTERS = 120_000;

/** Most characters of the arguments that clients see: about 3,000 tokens. */
const MOST_SHOWN = 12_000;

/** Levels that are tried, most first. */
const LEVELS = [MOST_LEVELS, 6, 5, 4, 3, 2, 1];

/** References behind each other that are tried, most first. */
const DEPTHS = [40, 6, 4, 3, 2, 1, 0];

const EFFECTS: Readonly<Record<string, HttpOperation["effect"]>> = {
  get: "read",
  head: "read",
  delete: "delete",
};

/** One operation of a document, with what it has from its path. */
export interface FoundOperation {
  /** Lower case. */
  method: string;
  path: string;
  operation: Part;
  /** Parameters of every operation of the path. */
  shared: JsonValue | undefined;
  /** Path of the address that `path` follows. */
  base: string;
}

/** The definition of one operation. Throws {@link Unusable} if it cannot become a tool. */
export function compileOperation(document: Part, found: FoundOperation, entry: OpenapiEntry): HttpOperation {
  const { method, operation, base } = found;
  // Some documents tell operations of one path apart by a fragment, which no request has.
  const path = found.path.replace(/#.*$/, "");
  const id =
    typeof operation.operationId === "string" && operation.operationId !== ""
      ? operation.operationId
      : undefined;
  const name = id ?? `${method.toUpperCase()} ${found.path}`;
  if (name.length > 500) throw new Unusable("has a name of more than 500 characters");
  if (/[?\\\s]|\/\.{1,2}(?:\/|$)/.test(path)) throw new Unusable("has a path with a query or steps upwards");
  const said = entry.operations[name] ?? {};
  const { flat, input } = describeInput(document, found, entry);
  const answer = readAnswer(document, operation);
  const effect = said.effect ?? EFFECTS[method] ?? "update";
  // What a write answers is about one thing, whatever its lists.
  const list = effect === "read" ? findList(document, answer.schema) : undefined;
  const proposed =
    method === "get" || effect === "read" ? findPaging(document, answer, list, flat.arguments) : undefined;
  const paging = hasRoom(flat, proposed) ? proposed : undefined;
  const shown = withoutKey(input, flat, hiddenKey(paging));
  const levels = fitLevels(shown);
  const sketch = sketchAnswer(document, answer.schema, list);
  const summary = cleanLine(textOf(operation.summary), 200);
  const about = cleanText(firstParagraph(textOf(operation.description)), 600);
  return {
    type: "tool",
    name,
    tool: said.name ?? nameOperation(id, method, path),
    title: said.title ?? (summary.slice(0, 100) || `${method.toUpperCase()} ${path}`.slice(0, 100)),
    description: said.description ?? describe(summary, about, `${method.toUpperCase()} ${path}`),
    effect,
    method: method.toUpperCase(),
    path: `${base}${path}`,
    input: shown,
    ...(levels < MOST_LEVELS && { levels }),
    arguments: flat.arguments.map(({ argument }) => argument).filter(({ key }) => key !== hiddenKey(paging)),
    ...(flat.body && { body: flat.body }),
    ...(list !== undefined && { list }),
    ...(paging && { paging }),
    ...(said.fields && { fields: said.fields }),
    ...(sketch !== undefined && { answer: sketch }),
  };
}

/** Levels of the arguments with which their schema fits; one level in any case. Throws {@link Unusable}. */
function fitLevels(input: Part): number {
  requireCheckable(input);
  const properties = Object.values(input.properties as Part);
  for (const levels of LEVELS) {
    const shown = properties.map((property) => loosenSchema(property, input, levels));
    if (JSON.stringify(shown).length <= MOST_SHOWN) return levels;
  }
  return LEVELS.at(-1) ?? 1;
}

/** What is found here is named once; found by a request, it would hide every tool of the connection. */
function requireCheckable(input: Part): void {
  try {
    argumentsFromJsonSchema(input).safeParse({});
  } catch {
    throw new Unusable("takes arguments whose schema cannot be read");
  }
}

/** Where a page begins is a cursor of ours, and no argument. */
function hiddenKey(paging: HttpOperation["paging"]): string | undefined {
  return paging !== undefined && "key" in paging ? paging.key : undefined;
}

/** A page that must be named stays an argument, and so does another thing that is called `cursor`. */
function hasRoom(flat: FlatArguments, paging: HttpOperation["paging"]): boolean {
  const key = hiddenKey(paging);
  return flat.arguments.every(
    ({ argument, required }) =>
      (argument.key !== key || !required) && (argument.name !== "cursor" || argument.key === key),
  );
}

function withoutKey(input: Part, flat: FlatArguments, key: string | undefined): Part {
  const hidden = flat.arguments.find(({ argument }) => argument.key === key)?.argument.name;
  if (hidden === undefined) return input;
  const { [hidden]: _hidden, ...properties } = input.properties as Part;
  const required = ((input.required ?? []) as string[]).filter((name) => name !== hidden);
  return { ...input, properties, ...(input.required !== undefined && { required }) };
}

/** The arguments with a schema below {@link MOST_CHARACTERS}. */
function describeInput(
  document: Part,
  { method, operation, shared, path }: FoundOperation,
  entry: OpenapiEntry,
): { flat: FlatArguments; input: Part } {
  const taken = setByGatehouse(entry);
  for (const depth of DEPTHS) {
    const bundle = new SchemaBundle(document, depth);
    const flat = flattenArguments(
      document,
      method === "get" || method === "head" ? withoutBody(operation) : operation,
      shared,
      path,
      bundle,
      taken,
    );
    const required = flat.arguments.filter((one) => one.required).map(({ argument }) => argument.name);
    const input: Part = {
      type: "object",
      properties: Object.fromEntries(flat.arguments.map(({ argument, schema }) => [argument.name, schema])),
      ...(required.length > 0 && { required }),
      additionalProperties: false,
      ...(Object.keys(bundle.defs).length > 0 && { $defs: bundle.defs }),
    };
    if (JSON.stringify(input).length <= MOST_CHARACTERS) return { flat, input };
  }
  throw new Unusable(`takes arguments whose schema has more than ${MOST_CHARACTERS / 1_000} KB`);
}

/** A GET request has no body (RFC 9110 §9.3.1); documents that name one mean an empty one. */
function withoutBody({ requestBody, ...operation }: Part): Part {
  if (isRecord(requestBody) && requestBody.required === true)
    throw new Unusable("needs a body in a GET request");
  return operation;
}

/** What the authentication and the fixed headers of an entry set, which no caller may. */
function setByGatehouse({ auth, reach }: OpenapiEntry): SetByGatehouse {
  const fixed = Object.keys(reach.headers ?? {});
  const own = auth.type === "header" ? [auth.name] : auth.type === "headers" ? auth.names : [];
  return { headers: [...fixed, ...own], query: auth.type === "query" ? [auth.name] : [] };
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : "";
}

/** Descriptions begin with what an operation does; rights and examples follow. Markup is for readers of pages. */
function firstParagraph(text: string): string {
  const plain = text
    .replace(/<[^>]{1,300}>/g, " ")
    .replace(/!?\[([^\]]{0,300})\]\([^)]{0,500}\)/g, "$1")
    .replace(/[*`#]+/g, "");
  return (plain.trim().split(/\n\s*\n/)[0] ?? "").replace(/\s+/g, " ").trim();
}

function describe(summary: string, about: string, fallback: string): string {
  if (about === "") return summary || fallback;
  if (summary === "" || about.toLowerCase().startsWith(summary.toLowerCase())) return about;
  return `${summary.replace(/\.$/, "")}. ${about}`;
}
