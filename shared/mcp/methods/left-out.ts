import { isRecord } from "../../encoding/is-record.ts";

/** Members of `params` in which `null` may have a meaning; the schema of a tool or question decides. */
const VALUES: Readonly<Record<string, readonly string[]>> = { "tools/call": ["arguments"] };
const ANSWERS = "inputResponses";

/**
 * A request without the members that are `null`: `params`, `arguments`, `cursor`, `_meta` and capabilities,
 * which serializers write for unset members. A tool's argument values stay for the tool's schema to judge.
 * Arguments given as a JSON string of an object become that object. Arguments of a prompt are strings (MCP
 * 2025-11-25, `GetPromptRequestParams`), so a number or boolean becomes its text.
 *
 * @returns `body` itself when nothing changes
 */
export function leaveOutNulls(body: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { method, params } = body;
  if (typeof method !== "string") return body;
  if (params === null) return without(body, "params");
  if (!isRecord(params)) return body;
  let read: Readonly<Record<string, unknown>> = mapMembers(params, (name, value) =>
    name === ANSWERS || VALUES[method]?.includes(name) ? (value ?? undefined) : dropNulls(value),
  );
  if (method === "tools/call" || method === "prompts/get") read = readArguments(method, read);
  return read === params ? body : { ...body, params: read };
}

function readArguments(method: string, params: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const args = typeof params.arguments === "string" ? readObject(params.arguments) : params.arguments;
  const texts =
    method === "prompts/get" && isRecord(args) ? mapMembers(dropNulls(args) as object, toText) : args;
  return texts === params.arguments ? params : { ...params, arguments: texts };
}

/** The object that a text holds as JSON, or the text. */
function readObject(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : text;
  } catch {
    return text;
  }
}

function toText(_name: string, value: unknown): unknown {
  return typeof value === "number" || typeof value === "boolean" ? String(value) : value;
}

/**
 * The value without members that are `null`, at any depth. Bodies are bounded in depth when they are read.
 */
function dropNulls(value: unknown): unknown {
  if (value === null) return undefined;
  return isRecord(value) ? mapMembers(value, (_name, member) => dropNulls(member)) : value;
}

/**
 * Maps an object's members and drops those that become `undefined`; returns the same object if nothing
 * changes.
 */
function mapMembers(given: object, read: (name: string, value: unknown) => unknown): Record<string, unknown> {
  let changed = false;
  const members = Object.entries(given).flatMap(([name, value]): [string, unknown][] => {
    const next = read(name, value);
    if (next !== value) changed = true;
    return next === undefined ? [] : [[name, next]];
  });
  return changed ? Object.fromEntries(members) : (given as Record<string, unknown>);
}

function without(given: Readonly<Record<string, unknown>>, name: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([member]) => member !== name));
}
