import { evictAllDurableObjects } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { LANES, openSession } from "../support/session.ts";

const IN_HEADER = "ab".repeat(16);
const IN_META = "cd".repeat(16);

function traceparent(traceId: string): string {
  return `00-${traceId}-${"12".repeat(8)}-01`;
}

/** Every later log line, as an object. */
function watchLog(): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = [];
  for (const level of ["debug", "info", "warn", "error"] as const) {
    vi.spyOn(console, level).mockImplementation((line: unknown) => {
      if (typeof line === "string" && line.startsWith("{")) lines.push(JSON.parse(line));
    });
  }
  return lines;
}

afterEach(() => void vi.restoreAllMocks());

describe.each(LANES)("the trace of a request on the %s lane", (lane) => {
  it("is in every log line of the request, taken from the message before the header", async () => {
    const session = await openSession({ server: "knowledge", lane, scopes: ["knowledge:read"] });
    const lines = watchLog();
    session.headers = { traceparent: traceparent(IN_HEADER) };
    await session.call("context_get");
    await session.request("tools/call", { name: "knowledge_save_article", arguments: {} });
    expect(lines.map(({ event }) => event)).toEqual(expect.arrayContaining(["call", "denial"]));
    expect(lines.filter(({ trace_id }) => trace_id !== IN_HEADER)).toEqual([]);
    lines.length = 0;
    await session.request("tools/call", {
      name: "context_get",
      arguments: {},
      _meta: { traceparent: traceparent(IN_META) },
    });
    expect(lines.map(({ trace_id }) => trace_id)).toEqual([IN_META]);
  });

  it("is generated where the client sent none or an invalid one, and different for every request", async () => {
    const session = await openSession({ server: "knowledge", lane });
    const lines = watchLog();
    const traces = [];
    for (const header of ["", "00-0-0-00", traceparent("0".repeat(32)), "x".repeat(5_000)]) {
      session.headers = { traceparent: header };
      await session.call("context_get");
      traces.push(lines.find(({ event }) => event === "call")?.trace_id);
      lines.length = 0;
    }
    for (const trace of traces) expect(trace).toMatch(/^(?!0{32})[0-9a-f]{32}$/);
    expect(new Set(traces).size).toBe(traces.length);
  });

  it("stays with its own request during concurrent ones", async () => {
    const session = await openSession({ server: "knowledge", lane });
    const lines = watchLog();
    await Promise.all(
      ["1", "2", "3", "4"].map((digit) =>
        session.request("resources/read", {
          uri: `kb://articles/${digit}`,
          _meta: { traceparent: traceparent(digit.repeat(32)) },
        }),
      ),
    );
    await evictAllDurableObjects();
    const calls = lines.filter(({ event }) => event === "call").map(({ trace_id }) => trace_id);
    expect(calls.sort()).toEqual(["1", "2", "3", "4"].map((digit) => digit.repeat(32)));
  });
});
