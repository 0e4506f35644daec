import { ToolError } from "../../../shared/call/tool-error.ts";
import { OWN_HEADERS } from "../../../shared/connections/kinds/http-auth.ts";
import type { HttpOperation, OperationArgument } from "../../../shared/connections/operations.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { StoredFile } from "./operation.ts";
import { deepPairs, joinSimple, queryPairs, textOf } from "./serialize.ts";

/** One part of a multipart body; `file` is Base64, `stored` the file of a ticket. */
export type BodyPart =
  | { name: string; text: string }
  | { name: string; file: string }
  | { name: string; stored: StoredFile };

/** Files that tickets among the arguments stand for, by ticket. */
export type TicketFiles = ReadonlyMap<string, StoredFile>;

/** A request as it crosses to the connection's object: JSON. */
export interface PlainRequest {
  method: string;
  /** Path and query behind the origin, encoded. */
  target: string;
  headers: Record<string, string>;
  body:
    | { media: string; text: string }
    | { media: string; file: string }
    | { media: string; stored: StoredFile }
    | { parts: BodyPart[] }
    | null;
}

/**
 * Where a page begins, as {@link HttpOperation.paging} of the operation understands it. `rows` is a digest of the rows of a
 * page that named itself.
 */
export type PagePosition = ({ value: string } | { target: string }) & { rows?: string | undefined };

type Input = Readonly<Record<string, JsonValue | undefined>>;

/**
 * The request of an operation with these arguments. Each path argument stays in its segment, nothing changes
 * the origin, and no header can be added or ended. Throws `invalid_input` for a value that cannot be sent.
 */
export function buildRequest(
  operation: HttpOperation,
  input: Input,
  position?: PagePosition,
  files: TicketFiles = new Map(),
): PlainRequest {
  const given = operation.arguments.flatMap((argument) => {
    const value = input[argument.name];
    return value === undefined || value === null ? [] : [{ argument, value }];
  });
  const page = position !== undefined && "value" in position ? pageArgument(operation, position.value) : null;
  const isNext = position !== undefined && "target" in position;
  const path = expandPath(operation, given);
  const query = [
    ...Object.entries(operation.query ?? {}).map(
      ([key, value]) => [encodeURIComponent(key), encodeURIComponent(value)] as const,
    ),
    ...given.flatMap(({ argument, value }) => (argument.in === "query" ? queryPairs(argument, value) : [])),
    ...(page?.in === "query"
      ? [[encodeURIComponent(page.key), encodeURIComponent(page.value)] as const]
      : []),
  ];
  const plain =
    query.length === 0 ? path : `${path}?${query.map(([key, value]) => `${key}=${value}`).join("&")}`;
  const members = new Map<string, JsonValue>();
  for (const { argument, value } of given) if (argument.in === "body") members.set(argument.key, value);
  if (page?.in === "body") members.set(page.key, page.value);
  return {
    method: operation.method,
    target: isNext ? position.target : requireExact(plain, operation.title),
    headers: headersOf(operation, given),
    body: isNext ? null : bodyOf(operation, given, members, files),
  };
}

function pageArgument(
  { paging }: HttpOperation,
  value: string,
): { key: string; value: string; in: string } | null {
  if (paging === undefined || !("key" in paging)) return null;
  return { key: paging.key, value, in: "in" in paging ? paging.in : "query" };
}

interface Given {
  argument: OperationArgument;
  value: JsonValue;
}

/** Fills the template. A segment that steps upwards or is empty is refused: the other side would read another path. */
function expandPath({ path, title }: HttpOperation, given: readonly Given[]): string {
  const filled = path.replace(/\{([^{}]+)\}/g, (_whole, key: string) => {
    const found = given.find(({ argument }) => argument.in === "path" && argument.key === key);
    if (found === undefined) throw new ToolError("invalid_input", `${title} needs a value for "${key}".`);
    const text = joinSimple(found.argument, found.value);
    if (text === "") throw new ToolError("invalid_input", `${found.argument.name}: must not be empty.`);
    return text;
  });
  const steps = filled.split("/").find((segment) => /^(?:\.|%2e){1,2}$/i.test(segment));
  if (steps !== undefined) throw new ToolError("invalid_input", "A part of the path must not be . or ..");
  return filled;
}

/** The URL standard changes some paths; one that it changes would not be the one that was checked. */
function requireExact(target: string, title: string): string {
  const base = "https://origin.invalid";
  const url = URL.parse(`${base}${target}`);
  const [path = ""] = target.split("?");
  if (url?.origin === base && encodeLike(url.pathname) === encodeLike(path) && url.hash === "") return target;
  throw new ToolError("invalid_input", `${title}: the values make no valid path.`);
}

/** The parts of a document's own paths may be written unencoded. */
function encodeLike(path: string): string {
  return path.replace(/[^\x21-\x7e]|["<>^`{}|]/gu, (found) => encodeURIComponent(found));
}

function headersOf({ headers: fixed }: HttpOperation, given: readonly Given[]): Record<string, string> {
  const headers: Record<string, string> = { ...fixed };
  const named = given.filter(({ argument }) => argument.in === "header");
  // The command has left these out; a definition is not trusted to be its work.
  for (const key of [...Object.keys(headers), ...named.map(({ argument }) => argument.key)])
    if (OWN_HEADERS.test(key)) throw new TypeError(`The header ${key} cannot be a parameter.`);
  for (const { argument, value } of named) {
    const text = argument.json
      ? JSON.stringify(value)
      : Array.isArray(value)
        ? value.map(textOf).join(",")
        : textOf(value);
    if (!/^[\x20-\x7e\u00a0-\u00ff]*$/.test(text) || text !== text.trim())
      throw new ToolError("invalid_input", `${argument.name}: has characters that a header cannot have.`);
    headers[argument.key] = text;
  }
  return headers;
}

function bodyOf(
  { body }: HttpOperation,
  given: readonly Given[],
  members: ReadonlyMap<string, JsonValue>,
  files: TicketFiles,
): PlainRequest["body"] {
  if (body === undefined) return null;
  const { type, media, whole, fixed } = body;
  const only = whole === undefined ? undefined : members.get("body");
  if (whole !== undefined && only === undefined) return null;
  const fields = given.filter(({ argument }) => argument.in === "body");
  switch (type) {
    case "json": {
      const value = whole === undefined ? merge(fixed, Object.fromEntries(members)) : only;
      return { media, text: JSON.stringify(value) };
    }
    case "graphql":
      return { media, text: JSON.stringify({ query: fixed, variables: Object.fromEntries(members) }) };
    case "text":
      return { media, text: textOf(only ?? "") };
    case "binary":
      return { media, ...fileOf("body", only ?? "", files) };
    case "form": {
      const pairs =
        whole === undefined
          ? [
              ...deepPairs("", fixed ?? {}),
              ...fields.flatMap(({ argument, value }) => formPairs(argument, value)),
            ]
          : deepPairs("", only ?? {});
      return { media, text: pairs.map(([key, value]) => `${key}=${value}`).join("&") };
    }
    case "multipart":
      return { parts: fields.map(({ argument, value }) => partOf(argument, value, files)) };
  }
}

/** Fixed members of a declared operation, completed by those of the call. */
function merge(fixed: JsonValue | undefined, given: Record<string, JsonValue>): JsonValue {
  if (typeof fixed !== "object" || fixed === null || Array.isArray(fixed)) return unfold(given);
  return { ...fixed, ...unfold(given) };
}

/** Keys with `>` between names are members of members: `properties>email`. */
function unfold(given: Record<string, JsonValue>): Record<string, JsonValue> {
  const whole: Record<string, JsonValue> = {};
  for (const [key, value] of Object.entries(given)) {
    const names = key.split(">");
    let place = whole;
    for (const name of names.slice(0, -1)) {
      const inner = Object.hasOwn(place, name) ? place[name] : undefined;
      const next = typeof inner === "object" && inner !== null && !Array.isArray(inner) ? inner : {};
      place[name] = next;
      place = next;
    }
    place[names.at(-1) ?? key] = value;
  }
  return whole;
}

function formPairs(argument: OperationArgument, value: JsonValue): (readonly [string, string])[] {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? deepPairs(argument.key, value)
    : queryPairs(argument, value);
}

function partOf({ key, name, file }: OperationArgument, value: JsonValue, files: TicketFiles): BodyPart {
  if (file) return { name: key, ...fileOf(name, value, files) };
  return { name: key, text: typeof value === "object" ? JSON.stringify(value) : textOf(value) };
}

function fileOf(
  name: string,
  value: JsonValue,
  files: TicketFiles,
): { file: string } | { stored: StoredFile } {
  const stored = typeof value === "string" ? files.get(value) : undefined;
  return stored === undefined ? { file: requireBase64(name, value) } : { stored };
}

function requireBase64(name: string, value: JsonValue): string {
  const text = typeof value === "string" ? value.replace(/^data:[^,]{0,100};base64,/, "") : "";
  if (text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)) return text;
  throw new ToolError("invalid_input", `${name}: must be a file as Base64, or the ticket of a file.`);
}
