import { JSON_RPC, jsonRpcError } from "../../call/protocol-fault.ts";

/** The `Accept` value that the specification prescribes for Streamable HTTP. */
const BOTH_FORMS = "application/json, text/event-stream";

/**
 * The error response for a POST whose body is not plain JSON or whose client accepts only one response type.
 */
export function checkContentHeaders({ headers }: Request): Response | undefined {
  const type = headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json") {
    return jsonRpcError(415, JSON_RPC.serverError, "Content-Type must be application/json.");
  }
  if (isEncoded(headers)) {
    const message = "The body must not be compressed: send it without Content-Encoding.";
    return jsonRpcError(415, JSON_RPC.serverError, message, ACCEPTED_ENCODING);
  }
  if (accepts(headers, "application/json") && accepts(headers, "text/event-stream")) return undefined;
  return jsonRpcError(406, JSON_RPC.serverError, "Accept must name application/json and text/event-stream.");
}

/** Encodings that the server accepts for a body (RFC 9110 §12.5.3). */
const ACCEPTED_ENCODING = { "accept-encoding": "identity" };

/** Whether a body is compressed (RFC 9110 §8.4). */
export function isEncoded(headers: Headers): boolean {
  const encoding = headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  return encoding !== "" && encoding !== "identity";
}

/** Whether a client accepts a media type, in any case and with any wildcard (RFC 9110 §12.5.1). */
export function accepts(headers: Headers, type: string): boolean {
  const [main] = type.split("/");
  const ranges = (headers.get("accept") ?? "")
    .toLowerCase()
    .split(",")
    .map((range) => range.split(";")[0]?.trim());
  return [type, `${main}/*`, "*/*"].some((range) => ranges.includes(range));
}

/** The request with `Accept` in the exact form that both SDKs look for; its body has been read. */
export function spellOutAccept(request: Request): Request {
  const accept = request.headers.get("accept") ?? "";
  if (accept.includes("application/json") && accept.includes("text/event-stream")) return request;
  const headers = new Headers(request.headers);
  headers.set("accept", BOTH_FORMS);
  return new Request(request.url, { method: request.method, headers, signal: request.signal });
}
