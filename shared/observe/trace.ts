import { AsyncLocalStorage } from "node:async_hooks";

/** W3C Trace Context: `version-traceid-parentid-flags`. */
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/;

const running = new AsyncLocalStorage<string>();

/**
 * The trace id of a request: of the trace that is being worked for, else from `traceparent` in `_meta` (MCP SEP-414)
 * or in the headers, else a new one. An all-zero or malformed id is ignored, as the W3C recommendation says.
 */
export function traceIdOf(headers: Headers, meta?: Readonly<Record<string, unknown>> | null): string {
  const current = running.getStore();
  if (current !== undefined) return current;
  for (const candidate of [meta?.traceparent, headers.get("traceparent")]) {
    const id = typeof candidate === "string" ? TRACEPARENT.exec(candidate)?.[1] : undefined;
    if (id !== undefined && !/^0+$/.test(id)) return id;
  }
  return newId();
}

/** Runs work as part of a trace: every log line written meanwhile carries its id. */
export function runInTrace<Result>(traceId: string, work: () => Result): Result {
  return running.run(traceId, work);
}

/** The id of the trace that is being worked for, if any. */
export function currentTraceId(): string | undefined {
  return running.getStore();
}

/** A `traceparent` header for the next in line, such as a session's object: the same trace, a span of its own. */
export function writeTraceparent(traceId: string): string {
  return `00-${traceId}-${newId().slice(16)}-01`;
}

function newId(): string {
  return crypto.randomUUID().replaceAll("-", "");
}
