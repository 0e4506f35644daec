import { AsyncLocalStorage } from "node:async_hooks";

/** A trace as W3C Trace Context passes it between systems. */
export interface Trace {
  /** 32 hexadecimal digits. */
  id: string;
  /** Whether the system that began the trace records it. */
  sampled: boolean;
  /** Other systems' entries (`tracestate`), passed on unchanged. */
  state: string | null;
  /** Span of the sender that this trace came with. */
  parentId?: string;
  /** Span of ours that runs now, while spans are recorded. */
  spanId?: string;
  /** The message that is answered, for its span. */
  message?: { id: unknown; revision: string | undefined };
}

/** `version-traceid-parentid-flags`. */
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** Printable text up to the length that every system should propagate (§3.3.1.5). */
const TRACESTATE = /^[\x20-\x7e]{1,512}$/;

const running = new AsyncLocalStorage<Trace>();

/**
 * The trace of a request: the current one, else from `traceparent` in `_meta` (MCP SEP-414) or in the
 * headers, else a new one. An all-zero or malformed id is ignored together with `tracestate`, as the W3C
 * recommendation requires.
 */
export function traceOf(headers: Headers, meta?: Readonly<Record<string, unknown>> | null): Trace {
  const current = running.getStore();
  if (current !== undefined) return current;
  const sources = [
    [meta?.traceparent, meta?.tracestate],
    [headers.get("traceparent"), headers.get("tracestate")],
  ];
  for (const [parent, state] of sources) {
    const [, id, parentId, flags] = (typeof parent === "string" && TRACEPARENT.exec(parent)) || [];
    if (id === undefined || parentId === undefined || flags === undefined) continue;
    if (/^0+$/.test(id)) continue;
    const noted = typeof state === "string" && TRACESTATE.test(state) ? state : null;
    return { id, parentId, sampled: (Number.parseInt(flags, 16) & 1) === 1, state: noted };
  }
  return { id: newId(), sampled: true, state: null };
}

/** The id of {@link traceOf}. */
export function traceIdOf(headers: Headers, meta?: Readonly<Record<string, unknown>> | null): string {
  return traceOf(headers, meta).id;
}

/** Runs work as part of a trace: every log line written meanwhile carries its id. */
export function runInTrace<Result>(trace: Trace, work: () => Result): Result {
  return running.run(trace, work);
}

/** Runs work as part of the trace that another object wrote with {@link writeTraceparent}; without one, by itself. */
export function runBelow<Result>(traceparent: string | undefined, work: () => Result): Result {
  if (traceparent === undefined) return work();
  return running.run(traceOf(new Headers({ traceparent })), work);
}

/** The current trace, if any. */
export function currentTrace(): Trace | undefined {
  return running.getStore();
}

/**
 * Sets trace headers for the next system, such as a session's object or an upstream: the span that runs now is its
 * parent, or a new one where none is recorded.
 */
export function passTrace(headers: Headers, { id, sampled, state, spanId }: Trace): void {
  headers.set("traceparent", `00-${id}-${spanId ?? newSpanId()}-${sampled ? "01" : "00"}`);
  if (state === null) headers.delete("tracestate");
  else headers.set("tracestate", state);
}

/** The current trace as `traceparent`, with a span of it. Empty without a trace. */
export function writeTraceparent(spanId: string): string {
  const trace = running.getStore();
  return trace === undefined ? "" : `00-${trace.id}-${spanId}-${trace.sampled ? "01" : "00"}`;
}

/** Id of a new span: 16 hexadecimal digits. */
export function newSpanId(): string {
  return newId().slice(16);
}

function newId(): string {
  return crypto.randomUUID().replaceAll("-", "");
}
