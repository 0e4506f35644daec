import type { JsonValue } from "../encoding/json.ts";
import { dropHalves } from "../text/well-formed.ts";
import type { ErrorCode, ToolError } from "./tool-error.ts";

/**
 * JSON-RPC 2.0 §5.1 error codes, and MCP's own for a missing resource (2025-11-25, «Error Handling» of
 * resources) and a missing client capability (2026-07-28).
 */
export const JSON_RPC = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
  serverError: -32000,
  sessionNotFound: -32001,
  resourceNotFound: -32002,
  missingCapability: -32021,
  headerMismatch: -32020,
} as const;

/** Error codes of SEP-3415, «Error Handling». `data` says what they are about. */
export const EVENT_FAULTS = {
  notFound: -32023,
  forbidden: -32024,
  exhausted: -32025,
  unsupported: -32026,
  callback: -32027,
} as const;

/**
 * A failure of the protocol rather than of a tool: sent as a JSON-RPC error. Both SDKs read `code` and
 * `data`.
 */
export class ProtocolFault extends Error {
  readonly code: number;
  readonly data: object | undefined;

  constructor(code: number, message: string, data?: object) {
    super(dropHalves(message));
    this.name = "ProtocolFault";
    this.code = code;
    this.data = data;
  }
}

const PARAMETER_FAULTS: readonly ErrorCode[] = ["invalid_input", "not_found", "conflict"];

/** Converts a tool error for methods whose results have no `isError`: resources, prompts and completion. */
export function toProtocolFault(error: ToolError, contact?: string): ProtocolFault {
  const code = PARAMETER_FAULTS.includes(error.code) ? JSON_RPC.invalidParams : JSON_RPC.internalError;
  return new ProtocolFault(code, error.message, error.toBody(contact));
}

/** A JSON-RPC error as an HTTP response, for failures before a lane accepts the message. */
export function jsonRpcError(
  status: number,
  code: number,
  message: string,
  headers?: HeadersInit,
  id: JsonValue = null,
): Response {
  return Response.json(
    { jsonrpc: "2.0", id, error: { code, message: dropHalves(message) } },
    { status, ...(headers && { headers }) },
  );
}
