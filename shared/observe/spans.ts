import type { Attributes } from "./otlp/encode.ts";
import { currentTrace, runInTrace, type Trace } from "./trace.ts";

/** Who waits for whom, as OpenTelemetry names it. */
export type SpanKind = "internal" | "server" | "client";

/** A span that runs. */
export interface Span {
  /** 16 hexadecimal digits. */
  readonly id: string;
  set(attributes: Attributes): void;
  /** Ends it once. `error` is its `error.type`: a code, never a text of another system. */
  end(error?: string): void;
  /** Runs work within it. */
  hold<Result>(work: () => Result): Result;
}

/** Records spans and brings them to where they are looked at. */
export interface Tracer {
  /** Starts a span of a trace; `null` for a trace that is not recorded. */
  start(trace: Trace, name: string, kind: SpanKind): Span | null;
  /** Sends what has ended, soon. */
  flush(): Promise<void>;
}

let tracer: Tracer | null = null;

/** Records spans with this tracer from now on. `null` records none, which costs a call nothing. */
export function useTracer(next: Tracer | null): void {
  tracer = next;
}

/** Whether spans are recorded at all. */
export function isTracing(): boolean {
  return tracer !== null;
}

/**
 * Starts a span below the one that runs now; `null` when nothing is recorded. Attributes are set with `?.`, so that they
 * cost nothing then.
 */
export function startSpan(name: string, kind: SpanKind, trace = currentTrace()): Span | null {
  if (tracer === null || trace === undefined) return null;
  return tracer.start(trace, name, kind);
}

/** The trace of a message, with what its span says of it. */
export function withMessage(trace: Trace, id: unknown, revision: string | null): Trace {
  return tracer === null ? trace : { ...trace, message: { id, revision: revision ?? undefined } };
}

/** Runs work within a span, if there is one: spans that start meanwhile are below it. */
export function withinSpan<Result>(span: Span | null, trace: Trace, work: () => Result): Result {
  if (span === null) return runInTrace(trace, work);
  return span.hold(() => runInTrace({ ...trace, spanId: span.id }, work));
}

/** Sends the spans that have ended after the answer. */
export function flushSpans(ctx: { waitUntil(promise: Promise<unknown>): void }): void {
  if (tracer !== null) ctx.waitUntil(tracer.flush());
}
