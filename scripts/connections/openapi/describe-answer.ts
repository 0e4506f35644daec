import { isRecord } from "../../../shared/encoding/is-record.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { type Part, resolvePart } from "./local-references.ts";

/** What the model is told of an answer: characters, levels and members. */
const LONGEST = 700;
const MOST_LEVELS = 3;
const MOST_MEMBERS = 24;

/** Names of members that usually hold the rows. */
const LISTS = /^(?:items|results?|data|values?|records|entries|rows|list|elements|objects|nodes|resources)$/i;

/** What the document says of a successful answer. */
export interface Answer {
  schema: Part | null;
  headers: readonly string[];
}

/** The answer of status 200, 201 or another success; without JSON its schema is `null`. */
export function readAnswer(document: Part, operation: Part): Answer {
  const responses = (isRecord(operation.responses) ? operation.responses : {}) as Part;
  const codes = Object.keys(responses)
    .filter((code) => /^2/.test(code))
    .sort();
  const found = codes[0] ?? (responses.default === undefined ? undefined : "default");
  const response = tryPart(document, found === undefined ? undefined : responses[found]);
  if (response === null) return { schema: null, headers: [] };
  const content = Object.entries((isRecord(response.content) ? response.content : {}) as Part);
  const json = content.find(([media]) => /json/i.test(media))?.[1];
  const schema = tryPart(document, tryPart(document, json)?.schema);
  const headers = isRecord(response.headers) ? Object.keys(response.headers) : [];
  return { schema, headers };
}

/** Where the rows of an answer are: a dotted path, `""` for the answer itself, `undefined` if it is no list. */
export function findList(document: Part, schema: Part | null, level = 0): string | undefined {
  if (schema === null) return undefined;
  if (typeOf(schema) === "array") return "";
  const members = membersOf(document, schema);
  const lists = Object.entries(members).filter(
    ([, member]) => typeOf(tryPart(document, member) ?? {}) === "array",
  );
  const named = lists.filter(([name]) => LISTS.test(name));
  const [only] = named.length > 0 ? named : lists.length === 1 && looksPaged(members) ? lists : [];
  if (only !== undefined) return only[0];
  if (level > 0) return undefined;
  for (const name of ["data", "result", "results", "response"]) {
    const inner = findList(document, tryPart(document, members[name]), level + 1);
    if (inner !== undefined && inner !== "") return `${name}.${inner}`;
  }
  return undefined;
}

/** An object with one list and counts or cursors is a page; one with one list and data of its own is not. */
function looksPaged(members: Part): boolean {
  return Object.keys(members).some(
    (name) =>
      /^(?:total|count|has_?more|next|previous|meta|paging|pagination|page|cursor|offset|limit|size|ok|kind|links?|_links|self|object|incomplete)/i.test(
        name,
      ) || /(?:cursor|total|count|token|link|page|max_?results|start_?at)$/i.test(name),
  );
}

/** The answer in the short form `{id: integer, owner: {login: string}}`; `undefined` if the document says nothing. */
export function sketchAnswer(
  document: Part,
  schema: Part | null,
  list: string | undefined,
): string | undefined {
  let shown = schema;
  for (const name of list === undefined || list === "" ? [] : list.split("."))
    shown = tryPart(document, shown === null ? undefined : membersOf(document, shown)[name]);
  if (shown !== null && list !== undefined) shown = tryPart(document, shown.items);
  if (shown === null) return undefined;
  const text = sketch(document, shown, 1);
  return text === "value" ? undefined : text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`;
}

function sketch(document: Part, schema: Part, level: number): string {
  const type = typeOf(schema);
  if (type === "array") {
    const inner = tryPart(document, schema.items);
    return inner === null || level > MOST_LEVELS ? "[…]" : `[${sketch(document, inner, level)}]`;
  }
  const members = membersOf(document, schema);
  const names = Object.keys(members);
  if (names.length === 0) return type ?? "value";
  if (level > MOST_LEVELS) return "{…}";
  // Values before addresses and ids of machines, which the model seldom needs.
  const useful = names.filter((name) => !/(?:_url|^url|^node_id|Url|^_links|^self)$/.test(name));
  const shown = useful.slice(0, MOST_MEMBERS).map((name) => {
    const member = tryPart(document, members[name]);
    const text = member === null ? "value" : sketch(document, member, level + 1);
    return text === "string" || text === "value" ? name : `${name}: ${text}`;
  });
  return `{${shown.join(", ")}${names.length > shown.length ? ", …" : ""}}`;
}

/** The members of an object, also of one that is put together or has a form for null. */
export function membersOf(document: Part, schema: Part, level = 0): Part {
  if (level > 4) return {};
  const parts = [schema.allOf, schema.anyOf, schema.oneOf].flatMap((list) =>
    Array.isArray(list) ? list : [],
  );
  const inherited = parts.map((part) => {
    const inner = tryPart(document, part);
    return inner === null ? {} : membersOf(document, inner, level + 1);
  });
  const own = isRecord(schema.properties) ? (schema.properties as Part) : {};
  return Object.assign({}, ...inherited.reverse(), own) as Part;
}

/** The type of a schema, without `null`. */
export function typeOf({ type, items }: Part): string | undefined {
  const types = (Array.isArray(type) ? type : [type]).filter(
    (one) => one !== "null" && typeof one === "string",
  );
  return types.length > 0 ? String(types[0]) : items === undefined ? undefined : "array";
}

/** A part, its references followed; `null` if there is none. */
export function tryPart(document: Part, part: JsonValue | undefined): Part | null {
  if (part === undefined) return null;
  try {
    return resolvePart(document, part);
  } catch {
    return null;
  }
}
