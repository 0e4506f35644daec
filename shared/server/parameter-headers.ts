import { JSON_RPC, jsonRpcError } from "../call/protocol-fault.ts";
import { fromBase64 } from "../encoding/base64.ts";
import type { JsonSchema } from "./schema.ts";

/**
 * Arguments that a client repeats as HTTP headers, so that intermediaries can route by them without reading
 * the body (MCP 2026-07-28, «Custom Headers from Tool Parameters»). A field with `.meta({ "x-mcp-header":
 * "Region" })` is also sent as `Mcp-Param-Region`, and the two must agree.
 */
export interface ParameterHeader {
  /** Field names that lead to the argument. */
  path: readonly string[];
  /** Whole name of the header. */
  header: string;
  numeric: boolean;
}

const MARK = "x-mcp-header";

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Padded base64; `fromBase64` accepts more. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const DECIMAL = /^-?\d{1,15}(\.0+)?$/;

const WRAPPED = /^=\?base64\?(.*)\?=$/s;

/** Finds the marked fields of a tool's arguments. Throws `TypeError` for a mark that clients would refuse. */
export function parameterHeadersOf(tool: string, schema: JsonSchema): ParameterHeader[] {
  const found = collect(tool, schema, []);
  const names = found.map(({ header }) => header.toLowerCase());
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new TypeError(`Tool "${tool}" uses the header "${twice}" for two fields.`);
  return found;
}

function collect(tool: string, schema: JsonSchema, path: readonly string[]): ParameterHeader[] {
  const fields = Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>);
  return fields.flatMap(([name, field]) => {
    const inner = collect(tool, field, [...path, name]);
    const mark = field[MARK];
    if (mark === undefined) return inner;
    if (typeof mark !== "string" || !TOKEN.test(mark)) {
      throw new TypeError(`Tool "${tool}": "${MARK}" of "${name}" is no header name.`);
    }
    if (field.type !== "string" && field.type !== "integer" && field.type !== "boolean") {
      throw new TypeError(
        `Tool "${tool}": "${name}" has "${MARK}", so it must be a string, an integer or a boolean.`,
      );
    }
    const header = `Mcp-Param-${mark}`;
    return [{ path: [...path, name], header, numeric: field.type === "integer" }, ...inner];
  });
}

/**
 * The response to a call whose headers and arguments disagree: HTTP 400 with −32020; `undefined` if they
 * agree.
 */
export function checkParameterHeaders(
  declared: readonly ParameterHeader[],
  args: unknown,
  { headers }: Request,
): Response | undefined {
  for (const { path, header, numeric } of declared) {
    const argument = path.reduce<unknown>(
      (value, name) =>
        typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined,
      args,
    );
    if (argument === undefined || argument === null) continue;
    const sent = headers.get(header);
    if (sent === null) return refuse(`"${path.join(".")}" is given, but the header ${header} is missing.`);
    const value = decode(sent);
    if (value === null) return refuse(`The header ${header} holds no valid Base64.`);
    const same = value === String(argument) || (numeric && DECIMAL.test(value) && Number(value) === argument);
    if (!same) return refuse(`The header ${header} and "${path.join(".")}" disagree.`);
  }
  return undefined;
}

/** A header's value, plain or from `=?base64?…?=`; `null` if it cannot be decoded. */
function decode(value: string): string | null {
  const encoded = WRAPPED.exec(value)?.[1];
  if (encoded === undefined) return value;
  if (!BASE64.test(encoded)) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(fromBase64(encoded));
  } catch {
    return null;
  }
}

function refuse(message: string): Response {
  return jsonRpcError(400, JSON_RPC.headerMismatch, message);
}
