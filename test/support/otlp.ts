import { expect } from "vitest";
import { useTracer } from "../../shared/observe/spans.ts";
import { OtlpTracer } from "../../shared/upstream/tracing.ts";

type Value = { stringValue?: string; intValue?: string; doubleValue?: number; boolValue?: boolean };

/** A span as a collector reads it. */
export interface ReadSpan {
  traceId: string;
  id: string;
  parent: string | null;
  name: string;
  kind: "internal" | "server" | "client";
  attributes: Record<string, string | number | boolean>;
  failed: boolean;
  /** Nanoseconds since the epoch. */
  from: bigint;
  to: bigint;
}

const KINDS = { 1: "internal", 2: "server", 3: "client" } as const;

/** A collector of OTLP/HTTP in JSON: reads what is exported, and refuses what is not of that form. */
export class SpanCollector {
  readonly spans: ReadSpan[] = [];
  /** Everything that was sent. */
  text = "";
  status = 200;

  /** Begins to record spans into this collector. `share` is that of the sampler. */
  record(share = 1): void {
    const settings = {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://otel.example.com/v1/traces",
      OTEL_EXPORTER_OTLP_HEADERS: "x-api-key=key%3D1",
      ENVIRONMENT: "test",
    };
    useTracer(new OtlpTracer(settings, share, (input) => this.#take(new Request(input as Request))));
  }

  /**
   * The spans of a trace, once as many with these names have come, and the parents of all of them but that of the client's.
   *
   * @param names - beginnings of names
   */
  async await(traceId: string, client: string, ...names: readonly string[]): Promise<ReadSpan[]> {
    const own = () => this.spans.filter((span) => span.traceId === traceId);
    await expect
      .poll(
        () => {
          const ids = new Set([client, ...own().map(({ id }) => id)]);
          const orphans = own()
            .filter(({ parent }) => !ids.has(parent ?? ""))
            .map(({ name }) => name);
          const left = own().map(({ name }) => name);
          const missing = names.filter((name) => {
            const at = left.findIndex((one) => one.startsWith(name));
            return at < 0 || left.splice(at, 1).length === 0;
          });
          return { orphans, missing };
        },
        { timeout: 10_000 },
      )
      .toEqual({ orphans: [], missing: [] });
    return own();
  }

  async #take(request: Request): Promise<Response> {
    expect(request.headers.get("x-api-key")).toBe("key=1");
    expect(request.headers.get("content-type")).toBe("application/json");
    const text = await request.text();
    this.text += text;
    const { resourceSpans } = JSON.parse(text) as {
      resourceSpans: {
        resource: { attributes: { key: string; value: Value }[] };
        scopeSpans: { scope: { name: string }; spans: Record<string, unknown>[] }[];
      }[];
    };
    for (const { resource, scopeSpans } of resourceSpans) {
      expect(readAttributes(resource.attributes)).toMatchObject({
        "service.name": "gatehouse",
        "deployment.environment.name": "test",
      });
      for (const { spans } of scopeSpans) this.spans.push(...spans.map(readSpan));
    }
    return new Response("{}", { status: this.status });
  }
}

function readSpan(span: Record<string, unknown>): ReadSpan {
  const { traceId, spanId, parentSpanId, name, kind, startTimeUnixNano, endTimeUnixNano } = span;
  expect(traceId).toMatch(/^[0-9a-f]{32}$/);
  expect(spanId).toMatch(/^[0-9a-f]{16}$/);
  if (parentSpanId !== undefined) expect(parentSpanId).toMatch(/^[0-9a-f]{16}$/);
  const [from, to] = [startTimeUnixNano, endTimeUnixNano].map((time) => {
    expect(time).toMatch(/^\d{19}$/);
    return BigInt(String(time));
  }) as [bigint, bigint];
  expect(to >= from).toBe(true);
  return {
    ...{ traceId: String(traceId), id: String(spanId), name: String(name), from, to },
    parent: parentSpanId === undefined ? null : String(parentSpanId),
    kind: KINDS[kind as 1 | 2 | 3],
    attributes: readAttributes(span.attributes as { key: string; value: Value }[]),
    failed: (span.status as { code?: number }).code === 2,
  };
}

function readAttributes(attributes: { key: string; value: Value }[]) {
  return Object.fromEntries(
    attributes.map(({ key, value }) => {
      const { stringValue, intValue, doubleValue, boolValue } = value;
      const read = stringValue ?? (intValue === undefined ? (doubleValue ?? boolValue) : Number(intValue));
      if (read === undefined) throw new Error(`${key} has no value.`);
      return [key, read];
    }),
  );
}

/** The spans as paths from the root, such as `POST /mcp/crm > tools/call x > run`; each has its parent among them. */
export function writePaths(spans: readonly ReadSpan[], client: string): string[] {
  const byId = new Map(spans.map((span) => [span.id, span]));
  expect(byId.size).toBe(spans.length);
  const pathOf = (span: ReadSpan): string => {
    if (span.parent === client) return span.name;
    const parent = byId.get(span.parent ?? "");
    if (parent === undefined) throw new Error(`${span.name} has a parent that is not there.`);
    return `${pathOf(parent)} > ${span.name}`;
  };
  return spans.map(pathOf).sort();
}
