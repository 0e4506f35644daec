import { env, tracing } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { flushSpans, startSpan, useTracer } from "../../shared/observe/spans.ts";
import { createTracer, OtlpTracer } from "../../shared/upstream/tracing.ts";
import { SpanCollector, writePaths } from "../support/otlp.ts";
import { LANES, openSession, REVISION } from "../support/session.ts";
import { reachTask, TASKS } from "../support/tasks.ts";

const CLIENT_SPAN = "12".repeat(8);
const STEPS = ["decide", "admit", "run", "shape", "settle"];

/** A new trace id, and the header with which a client begins it. */
function begin(flags = "01") {
  const traceId = crypto.randomUUID().replaceAll("-", "");
  return { traceId, header: { traceparent: `00-${traceId}-${CLIENT_SPAN}-${flags}` } };
}

afterEach(() => {
  useTracer(null);
  vi.restoreAllMocks();
});

describe.each(LANES)("the spans of a call on the %s lane", (lane) => {
  it("are one trace below the client's: request, call, steps of the guard, statements of the database", async () => {
    const session = await openSession({ server: "crm", lane });
    const collector = new SpanCollector();
    collector.record();
    const { traceId, header } = begin();
    session.headers = header;
    expect((await session.call("crm_find_contacts", { query: "Secretname" })).isError).toBe(false);
    const spans = await collector.await(traceId, CLIENT_SPAN, "POST", "SELECT CRM_DB");
    const root = "POST /mcp/crm";
    const call = `${root} > tools/call crm_find_contacts`;
    const paths = writePaths(spans, CLIENT_SPAN);
    expect(paths.filter((path) => !path.includes("run > "))).toEqual(
      [root, call, ...STEPS.map((step) => `${call} > ${step}`)].sort(),
    );
    const statements = spans.filter(({ attributes }) => attributes["db.namespace"] === "CRM_DB");
    expect(statements.length).toBeGreaterThan(0);
    expect(paths).toContain(`${call} > run > SELECT CRM_DB`);
    for (const { kind, attributes } of statements) {
      expect(kind).toBe("client");
      expect(Object.keys(attributes).sort()).toEqual(["db.namespace", "db.operation.name", "db.system.name"]);
    }
    const called = spans.find(({ name }) => name.startsWith("tools/call"));
    expect(called).toMatchObject({ kind: "server", failed: false });
    expect(called?.attributes).toMatchObject({
      "mcp.method.name": "tools/call",
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "crm_find_contacts",
      "mcp.protocol.version": REVISION[lane],
      "jsonrpc.request.id": expect.stringMatching(/^\d+$/),
      "gatehouse.lane": lane,
      "gatehouse.call.status": "ok",
      "gatehouse.call.id": expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    // The sealed id opens the session, and arguments, people and statements do not belong into a span.
    expect("mcp.session.id" in (called?.attributes ?? {})).toBe(lane === "sessionful");
    for (const secret of ["Secretname", "user_alice", "alice@", session.sessionId ?? "?", "FROM"])
      expect(collector.text).not.toContain(secret);
  });

  it("say that a tool failed, and that a call was refused", async () => {
    const session = await openSession({ server: "crm", lane, role: "viewer" });
    const collector = new SpanCollector();
    collector.record();
    const [failed, refused] = [begin(), begin()];
    session.headers = failed.header;
    expect((await session.call("crm_get_customer", { id: "con_none" })).isError).toBe(true);
    session.headers = refused.header;
    await session.request("tools/call", { name: "crm_delete_record", arguments: { id: "con_none" } });
    const one = (await collector.await(failed.traceId, CLIENT_SPAN, "POST")).find(({ name }) =>
      name.startsWith("tools/call"),
    );
    expect(one).toMatchObject({ failed: true, attributes: { "error.type": "tool_error" } });
    expect(collector.spans.filter(({ failed }) => failed).map(({ name }) => name)).toContain("run");
    const other = await collector.await(refused.traceId, CLIENT_SPAN, "POST");
    expect(writePaths(other, CLIENT_SPAN)).toContain("POST /mcp/crm > tools/call crm_delete_record > decide");
    const call = other.find(({ name }) => name.startsWith("tools/call"));
    expect(call?.attributes).toMatchObject({
      "error.type": "tool_error",
      "gatehouse.call.status": "forbidden",
    });
  });

  it("are named after the method for resources and lists", async () => {
    const session = await openSession({ server: "knowledge", lane });
    const collector = new SpanCollector();
    collector.record();
    const { traceId, header } = begin();
    session.headers = header;
    await session.request("resources/read", { uri: "kb://articles/none" });
    await session.request("tools/list");
    const spans = await collector.await(traceId, CLIENT_SPAN, "POST", "POST");
    expect(
      spans
        .filter(({ kind }) => kind === "server")
        .map(({ name }) => name)
        .sort(),
    ).toEqual(["POST /mcp/knowledge", "POST /mcp/knowledge", "resources/read"]);
    expect(spans.map(({ attributes }) => attributes["mcp.method.name"])).toContain("tools/list");
  });

  it("are left out as the client asks, and beyond the share of traces", async () => {
    const session = await openSession({ server: "crm", lane });
    const collector = new SpanCollector();
    const [quiet, whole, half] = [begin("00"), begin(), begin()];
    collector.record();
    session.headers = quiet.header;
    await session.call("context_get");
    session.headers = whole.header;
    await session.call("context_get");
    await collector.await(whole.traceId, CLIENT_SPAN, "POST");
    expect(collector.spans.filter(({ traceId }) => traceId === quiet.traceId)).toEqual([]);
    const least = `${half.traceId.slice(0, 24)}7fffffff`;
    const most = `${half.traceId.slice(0, 24)}80000000`;
    collector.record(0.5);
    for (const id of [most, least]) {
      session.headers = { traceparent: `00-${id}-${CLIENT_SPAN}-01` };
      await session.call("context_get");
    }
    await collector.await(least, CLIENT_SPAN, "POST");
    expect(collector.spans.filter(({ traceId }) => traceId === most)).toEqual([]);
  });
});

it("the steps of a task are below the call that began it", async () => {
  const session = await openSession({ server: "analytics", lane: "stateless", capabilities: TASKS });
  const events = Array.from({ length: 1_100 }, (_, n) => ({
    ...{ key: `traced-${n}`, occurred_at: "2026-02-03T12:00:00Z", kind: "order", customer_id: "C1" },
    ...{ region: "Europe", country: "Germany", segment: "Consumer", channel: "search" },
    ...{ category: "Footwear", product: "Trail Shoe", quantity: 1, amount_cents: 1_000 },
  }));
  const collector = new SpanCollector();
  collector.record();
  const { traceId, header } = begin();
  session.headers = header;
  const { taskId } = (await session.request("tools/call", { name: "analytics_track", arguments: { events } }))
    .result;
  session.headers = {};
  await reachTask(session, taskId);
  const spans = await collector.await(traceId, CLIENT_SPAN, "POST", "task", "task");
  const call = "POST /mcp/analytics > tools/call analytics_track > run";
  const paths = writePaths(spans, CLIENT_SPAN);
  expect(paths).toContain(`${call} > task analytics_track > admit`);
  expect(paths.some((path) => path.startsWith(`${call} > task analytics_track > run > `))).toBe(true);
  expect(spans.find(({ name }) => name === "task analytics_track")?.kind).toBe("internal");
});

describe("the exporter of spans", () => {
  const trace = { id: "ab".repeat(16), sampled: true, state: null };
  const settings = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://otel.example.com/v1/traces" };

  it("is there only where its address is set, or the platform's", () => {
    expect(createTracer({}, tracing)).toBeNull();
    expect(createTracer({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "" }, tracing)).toBeNull();
    expect(createTracer(settings, tracing)).toBeInstanceOf(OtlpTracer);
    const platform = createTracer({ OTEL_TRACES_EXPORTER: "cloudflare" }, tracing);
    useTracer(platform);
    const span = startSpan("work", "internal", trace);
    span?.set({ "gatehouse.server": "crm" });
    expect(span?.hold(() => 7)).toBe(7);
    span?.end("timeout");
    flushSpans({ waitUntil: () => undefined });
    useTracer(null);
    expect(startSpan("work", "internal", trace)).toBeNull();
  });

  it("sends the spans of many calls together, at most 512 at once, and drops what it cannot hold", async () => {
    const sizes: number[] = [];
    const tracer = new OtlpTracer(settings, 1, async (input) => {
      const { resourceSpans } = await new Request(input as Request).json<{
        resourceSpans: { scopeSpans: { spans: unknown[] }[] }[];
      }>();
      sizes.push(resourceSpans[0]?.scopeSpans[0]?.spans.length ?? 0);
      return new Response("{}");
    });
    for (let n = 0; n < 2_500; n += 1) tracer.start(trace, "work", "internal")?.end();
    await Promise.all([tracer.flush(), tracer.flush(), tracer.flush()]);
    expect(sizes).toEqual([512, 512, 512, 512]);
  });

  it("holds no call when its receiver fails, and leaves it alone for a while", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    let asked = 0;
    const tracer = new OtlpTracer(settings, 1, async () => {
      asked += 1;
      return new Response("", { status: 503 });
    });
    for (let n = 0; n < 2; n += 1) {
      tracer.start(trace, "work", "internal")?.end();
      await tracer.flush();
    }
    expect(asked).toBe(1);
  });

  it("asks a collector over plain http only where the deployment names it", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const host = env.PLAIN_HTTP_UPSTREAMS.split(" ")[0] ?? "";
    const id = crypto.randomUUID();
    const local = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `http://${host}/answer?id=${id}` };
    const seen = async () => (await (await fetch(`http://${host}/seen?id=${id}`)).json<unknown[]>()).length;
    for (const [named, count] of [
      ["", 0],
      [host, 1],
    ] as const) {
      const tracer = new OtlpTracer({ ...local, PLAIN_HTTP_UPSTREAMS: named }, 1);
      tracer.start(trace, "work", "internal")?.end();
      await tracer.flush();
      expect(await seen()).toBe(count);
    }
  });
});
