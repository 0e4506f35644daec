import { SUPPORTED_PROTOCOL_VERSIONS } from "@modelcontextprotocol/sdk/types.js";
import { JSON_RPC, jsonRpcError } from "../../call/protocol-fault.ts";

const SUPPORTED = SUPPORTED_PROTOCOL_VERSIONS.join(", ");

/** Status, code and sentence of each reason for which the object of a session refuses a request. */
const REFUSALS = {
  noSession: [404, JSON_RPC.sessionNotFound, "Session not found. Start a new one with initialize."],
  revision: [400, JSON_RPC.serverError, `Unsupported protocol version. Supported: ${SUPPORTED}.`],
  // Clients stop at this status, and would try a stream without successors again.
  noSuccessor: [405, JSON_RPC.serverError, "Nothing follows this event.", { allow: "POST, DELETE" }],
  noMessage: [400, JSON_RPC.invalidRequest, "Not a JSON-RPC 2.0 message."],
  batch: [
    400,
    JSON_RPC.invalidRequest,
    "Batches are not supported in this session's revision: send one message a request.",
  ],
  openId: [400, JSON_RPC.invalidRequest, "A request with this id is still being answered."],
  starting: [503, JSON_RPC.internalError, "The session is starting. Try again."],
} as const satisfies Readonly<Record<string, Parameters<typeof jsonRpcError>>>;

/** The response of a session's object to a request that it refuses. */
export function refuse(reason: keyof typeof REFUSALS): Response {
  const [status, code, message, headers]: Parameters<typeof jsonRpcError> = REFUSALS[reason];
  return jsonRpcError(status, code, message, headers);
}
