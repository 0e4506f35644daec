/** Response to a hostile request. */
export interface HostileAnswer {
  status: number;
  contentType: string;
  /** The whole body; for a stream that stays open, its first part. */
  text: string;
}

/**
 * Signs of an internal error in a response: a stack trace, a file name of the project, a library's message.
 */
const INNER_LIFE =
  /\n\s+at \S+|\.ts:\d|node_modules|ZodError|"code": ?"(invalid_type|unrecognized_keys|invalid_union|invalid_value)"|D1_ERROR|SQLITE_|Event id:/;

/**
 * Names the fault of a response to a hostile request, or `null`. A valid response is a JSON-RPC message, an event
 * stream of them, an error in the form of RFC 6750 or of Gatehouse, or empty; never an internal failure.
 *
 * @param secret - text of another user
 */
export function findFault({ status, contentType, text }: HostileAnswer, secret: string): string | null {
  if (status >= 500) return `status ${status}`;
  if (text.includes(secret)) return "contains another user's data";
  const leaked = INNER_LIFE.exec(text);
  if (leaked !== null) return `tells of the inner life: ${leaked[0].trim()}`;
  if (text === "") return null;
  if (contentType.includes("text/event-stream")) {
    const frames = text.split("\n").filter((line) => line.startsWith("data: {"));
    return frames.map((line) => findMessageFault(line.slice(6))).find((fault) => fault !== null) ?? null;
  }
  if (!contentType.includes("json")) return `content type ${contentType}`;
  return findMessageFault(text);
}

function findMessageFault(text: string): string | null {
  let message: Record<string, unknown>;
  try {
    message = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return "is not JSON";
  }
  if (message.jsonrpc === "2.0") {
    if ("method" in message || "result" in message) return null;
    const error = message.error as { code?: unknown; message?: unknown } | undefined;
    if (!Number.isInteger(error?.code) || typeof error?.message !== "string") return "is no JSON-RPC error";
    return error.code === -32603 ? `internal error: ${error.message}` : null;
  }
  return "error" in message ? null : "is neither JSON-RPC nor an error";
}
