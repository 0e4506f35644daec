import type { Subject } from "../../call/subject.ts";
import { digestText } from "../../encoding/canonical-json.ts";
import { isTracing, type Span, startSpan } from "../../observe/spans.ts";
import { currentTrace, runInTrace, type Trace } from "../../observe/trace.ts";
import type { RequestContext } from "../request-context.ts";

/** The steps of the guard. */
type StepName = "decide" | "admit" | "run" | "shape" | "settle";

const METHODS: Readonly<Record<Subject["kind"], string>> = {
  tool: "tools/call",
  resource: "resources/read",
  prompt: "prompts/get",
  event: "events/poll",
};

/** A request's id as spans have it; one of another form could be any text. */
const REQUEST_ID = /^[\w.:-]{1,64}$/;

/**
 * The span of a call by the MCP conventions of OpenTelemetry (semantic-conventions-genai 0.1.0), with one span a step
 * below it. It names no person and holds no argument; the call id leads to the record in the trail.
 */
export class CallSpan {
  readonly #span: Span;
  /** Spans of databases and other systems are below the step that runs. */
  readonly #trace: Trace;
  #step: Span | null = null;
  #hasEnded = false;

  constructor(span: Span, trace: Trace) {
    this.#span = span;
    this.#trace = { ...trace, spanId: span.id };
  }

  /** Ends the step before, with the status of the call where it was the last one, and begins this one. */
  step(name: StepName, status = "ok"): void {
    this.#step?.end(hasFailed(status) ? status : undefined);
    this.#step = startSpan(name, "internal", { ...this.#trace, spanId: this.#span.id });
    this.#trace.spanId = this.#step?.id ?? this.#span.id;
  }

  /** Runs the whole call within the span. */
  hold<Result>(work: () => Result): Result {
    return this.#span.hold(() => runInTrace(this.#trace, work));
  }

  /** Ends the call: `ok`, `input_required`, or the code of its failure. */
  end({ kind }: Subject, callId: string | undefined, status: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const failed = hasFailed(status);
    // A refusal before admission has no step after it.
    this.#step?.end(failed && callId === undefined ? status : undefined);
    this.#span.set({
      "gatehouse.call.id": callId,
      "gatehouse.call.status": status,
    });
    // A failure of a tool is a result of its own; the others are errors of JSON-RPC.
    this.#span.end(failed ? (kind === "tool" ? "tool_error" : status) : undefined);
  }
}

function hasFailed(status: string): boolean {
  return status !== "ok" && status !== "input_required";
}

/** Begins the span of a call; `null` when it is not recorded. */
export function beginCallSpan(ctx: RequestContext, { kind, name, server }: Subject): CallSpan | null {
  const trace = isTracing() ? currentTrace() : undefined;
  if (trace === undefined) return null;
  const { message } = trace;
  // The steps of a task answer no message.
  const what = message === undefined ? "task" : METHODS[kind];
  const title = kind === "resource" ? what : `${what} ${name}`;
  const span = startSpan(title, message === undefined ? "internal" : "server", trace);
  if (span === null) return null;
  const id = String(message?.id ?? "");
  span.set({
    ...(message !== undefined && { "mcp.method.name": METHODS[kind] }),
    ...(kind === "tool" && { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name }),
    ...(kind === "prompt" && { "gen_ai.prompt.name": name }),
    ...(kind === "resource" && { "gatehouse.resource": name }),
    "mcp.protocol.version": message?.revision,
    // The id opens the session: only its digest leaves.
    "mcp.session.id": ctx.sessionId === null ? undefined : digestText(ctx.sessionId).slice(0, 32),
    "jsonrpc.request.id": REQUEST_ID.test(id) ? id : undefined,
    ...(message !== undefined && { "network.protocol.name": "http", "network.transport": "tcp" }),
    "gatehouse.server": server,
    "gatehouse.lane": ctx.lane,
  });
  return new CallSpan(span, trace);
}
