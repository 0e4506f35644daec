/** W3C Trace Context: `version-traceid-parentid-flags`. */
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/;

/**
 * The trace id of a request: from `traceparent` in `_meta` (MCP SEP-414) or in the headers, else a new one.
 * An all-zero or malformed id is ignored, as the W3C recommendation says.
 */
export function traceIdOf(headers: Headers, meta?: Record<string, unknown>): string {
  for (const candidate of [meta?.traceparent, headers.get("traceparent")]) {
    const id = typeof candidate === "string" ? TRACEPARENT.exec(candidate)?.[1] : undefined;
    if (id !== undefined && !/^0+$/.test(id)) return id;
  }
  return crypto.randomUUID().replaceAll("-", "");
}
