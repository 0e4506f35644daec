import { log } from "../observe/log.ts";
import {
  type Attributes,
  encodeAttributes,
  encodeResource,
  encodeTime,
  type KeyValue,
  readHeaders,
} from "../observe/otlp/encode.ts";
import type { Span, SpanKind, Tracer } from "../observe/spans.ts";
import { newSpanId, type Trace } from "../observe/trace.ts";
import { fetchOutside } from "./outside-fetch.ts";

/** Spans that wait at most, and spans of one request. What is more is dropped and counted. */
const [MOST_WAITING, MOST_SENT] = [2_048, 512];

/** Milliseconds for which spans of other calls are waited for, that a request may take, and after one that failed. */
const [GATHER_MS, ANSWER_MS, PAUSE_MS] = [200, 10_000, 30_000];

/** `SpanKind` of OTLP. */
const KINDS: Readonly<Record<SpanKind, number>> = { internal: 1, server: 2, client: 3 };

/** `STATUS_CODE_ERROR` of OTLP. */
const ERROR = 2;

/** The settings of OpenTelemetry that Gatehouse reads, as texts. */
export interface TracingSettings {
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT?: string;
  OTEL_EXPORTER_OTLP_HEADERS?: string;
  /** Share of traces, 0 to 1. */
  OTEL_TRACES_SAMPLER_ARG?: string;
  /** `cloudflare`: spans go to the platform, which exports them with its own. */
  OTEL_TRACES_EXPORTER?: string;
  ENVIRONMENT?: string;
  PLAIN_HTTP_UPSTREAMS?: string;
}

/** The platform's own spans, `tracing` of `cloudflare:workers`. */
type PlatformTracing = Pick<Tracing, "startSpan"> & Partial<Pick<Tracing, "withActiveSpan">>;

/** The tracer that the settings ask for; `null` for none. */
export function createTracer(settings: TracingSettings, platform: PlatformTracing): Tracer | null {
  const share = readShare(settings.OTEL_TRACES_SAMPLER_ARG);
  if (settings.OTEL_TRACES_EXPORTER === "cloudflare") return new PlatformTracer(platform, share);
  if ((settings.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? "") === "") return null;
  return new OtlpTracer(settings, share);
}

/** A value that cannot be read counts as all of them, as for the share of log lines. */
function readShare(text = ""): number {
  const share = text.trim() === "" ? 1 : Number(text);
  return share >= 0 && share <= 1 ? share : 1;
}

/**
 * Whether a trace is recorded: the client's own choice (`sampled`), and of those a share by the id of the trace, so that
 * every isolate and object decides alike.
 */
function isRecorded({ id, sampled }: Trace, share: number): boolean {
  return sampled && (share >= 1 || Number.parseInt(id.slice(-8), 16) / 2 ** 32 < share);
}

/** A span in OTLP's JSON encoding. */
interface EncodedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  traceState?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: KeyValue[];
  status: { code?: number };
}

/** Exports spans over OTLP/HTTP in JSON, those of many calls together. A span that cannot be sent is lost. */
export class OtlpTracer implements Tracer {
  readonly #settings: TracingSettings;
  readonly #share: number;
  readonly #send: typeof fetchOutside;
  #ended: EncodedSpan[] = [];
  #dropped = 0;
  /** Until then a request gathers spans, and until then none is sent. */
  #gatheringUntil = 0;
  #pausedUntil = 0;

  /** @param send - sends a request, as `fetchOutside` does */
  constructor(settings: TracingSettings, share: number, send: typeof fetchOutside = fetchOutside) {
    this.#settings = settings;
    this.#share = share;
    this.#send = send;
  }

  start(trace: Trace, name: string, kind: SpanKind): Span | null {
    if (!isRecorded(trace, this.#share)) return null;
    const parentSpanId = trace.spanId ?? trace.parentId;
    const attributes: Record<string, Attributes[string]> = {};
    const [id, startedAt] = [newSpanId(), Date.now()];
    let hasEnded = false;
    return {
      id,
      set: (given) => void Object.assign(attributes, given),
      hold: (work) => work(),
      end: (error) => {
        if (hasEnded) return;
        hasEnded = true;
        this.#keep({
          ...{ traceId: trace.id, spanId: id },
          ...(parentSpanId !== undefined && { parentSpanId }),
          ...(trace.state !== null && { traceState: trace.state }),
          ...{ name, kind: KINDS[kind] },
          ...{ startTimeUnixNano: encodeTime(startedAt), endTimeUnixNano: encodeTime(Date.now()) },
          attributes: encodeAttributes({ ...attributes, "error.type": error }),
          status: error === undefined ? {} : { code: ERROR },
        });
      },
    };
  }

  #keep(span: EncodedSpan): void {
    if (this.#ended.length >= MOST_WAITING) this.#dropped += 1;
    else this.#ended.push(span);
  }

  async flush(): Promise<void> {
    const now = Date.now();
    // One request of this isolate gathers for all. It may have been stopped, so its turn ends by itself.
    if (this.#ended.length === 0 || now < this.#gatheringUntil || now < this.#pausedUntil) return;
    this.#gatheringUntil = now + GATHER_MS * 5;
    await scheduler.wait(GATHER_MS);
    this.#gatheringUntil = 0;
    const spans = this.#ended.splice(0, MOST_SENT);
    if (spans.length === 0) return;
    try {
      await this.#export(spans);
    } catch (failure) {
      this.#pausedUntil = Date.now() + PAUSE_MS;
      this.#dropped += spans.length;
      log("warn", "spans_not_exported", { dropped: this.#dropped, error: String(failure) });
      return;
    }
    if (this.#ended.length > 0) await this.flush();
  }

  async #export(spans: readonly EncodedSpan[]): Promise<void> {
    const { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url = "", OTEL_EXPORTER_OTLP_HEADERS: headers = "" } =
      this.#settings;
    const resource = encodeResource(this.#settings);
    const request = new Request(url, {
      method: "POST",
      headers: { ...readHeaders(headers), "content-type": "application/json" },
      body: JSON.stringify({
        resourceSpans: [{ resource, scopeSpans: [{ scope: { name: "gatehouse" }, spans }] }],
      }),
    });
    const answer = await this.#ask(request, { signal: AbortSignal.timeout(ANSWER_MS) });
    await answer.body?.cancel();
    if (!answer.ok) throw new Error(`The receiver answered ${answer.status}.`);
  }

  /** A collector on the own machine or network has to be named, as every host that is asked over plain HTTP. */
  #ask(request: Request, init: { signal: AbortSignal }): Promise<Response> {
    const { protocol, host } = new URL(request.url);
    const named = (this.#settings.PLAIN_HTTP_UPSTREAMS ?? "").split(/\s+/).includes(host);
    if (protocol === "http:" && named) return fetch(request, { ...init, redirect: "manual" });
    return this.#send(request, init);
  }
}

/** Hands spans to the platform, which adds its own for fetches, databases and objects, and exports all of them. */
class PlatformTracer implements Tracer {
  readonly #tracing: PlatformTracing;
  readonly #share: number;

  constructor(tracing: PlatformTracing, share: number) {
    this.#tracing = tracing;
    this.#share = share;
  }

  start(trace: Trace, name: string, kind: SpanKind): Span | null {
    if (!isRecorded(trace, this.#share)) return null;
    const span = this.#tracing.startSpan(name);
    // The platform has trace ids of its own.
    span.setAttributes({ "gatehouse.trace_id": trace.id, "span.kind": kind });
    return {
      id: newSpanId(),
      set: (attributes) => void span.setAttributes(attributes),
      // Where the runtime lacks it, spans are side by side.
      hold: (work) => (this.#tracing.withActiveSpan ? this.#tracing.withActiveSpan(span, work) : work()),
      end: (error) => {
        if (error !== undefined) span.setAttribute("error.type", error).setStatus({ code: "error" });
        span.end();
      },
    };
  }

  async flush(): Promise<void> {}
}
