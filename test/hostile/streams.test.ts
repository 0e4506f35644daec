import { exports } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { BODY_TIMEOUT_MS, readMessage } from "../../shared/mcp/http/request-body.ts";
import { LANES, openSession, REVISION, type TestSession } from "../support/session.ts";

const PING = { jsonrpc: "2.0", method: "tools/list" };

function headersOf(session: TestSession): Record<string, string> {
  return {
    host: new URL(session.url).host,
    authorization: `Bearer ${session.token.accessToken}`,
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "mcp-protocol-version": REVISION[session.lane],
    ...(session.lane === "stateless" && { "mcp-method": "tools/list" }),
    ...(session.sessionId !== undefined && { "mcp-session-id": session.sessionId }),
  };
}

function listen(session: TestSession): Promise<Response> {
  const headers = { ...headersOf(session), accept: "text/event-stream" };
  return exports.default.fetch(session.url, { headers });
}

describe.each(LANES)("a client of the %s lane that tries to exhaust time or memory", (lane) => {
  it("may use one id for many requests: each is answered or refused, and none is lost", async () => {
    const session = await openSession({ server: "crm", lane });
    const sent = Array.from({ length: 20 }, () => session.request("tools/list").catch(() => null));
    const again = Array.from({ length: 20 }, () => session.post({ ...PING, id: "same" }, "tools/list"));
    const statuses = (await Promise.all(again)).map(({ status }) => status);
    expect(statuses.every((status) => status === 200 || status === 400)).toBe(true);
    if (lane === "sessionful") expect(statuses).toContain(200);
    expect((await Promise.all(sent)).every((answer) => answer?.result !== undefined)).toBe(true);
  });

  it("may flood it with notifications and unrequested responses, and then works as before", async () => {
    const session = await openSession({ server: "crm", lane });
    const flood = Array.from({ length: 200 }, (_, number) =>
      number % 2 === 0
        ? session.post({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: number } })
        : session.post({ jsonrpc: "2.0", id: number, result: { content: [] } }),
    );
    const statuses = new Set((await Promise.all(flood)).map(({ status }) => status));
    for (const status of statuses) expect(status).toBeLessThan(500);
    expect((await session.listTools()).length).toBeGreaterThan(3);
  });
});

describe("a message that never ends", () => {
  it("is answered 408 after its time limit", async ({ onTestFinished }) => {
    onTestFinished(() => void vi.useRealTimers());
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const body = new ReadableStream<Uint8Array>({
      start: (stream) => stream.enqueue(new TextEncoder().encode('{"jsonrpc":"2.0",')),
    });
    const reading = readMessage(new Request("http://localhost/mcp", { method: "POST", body }));
    await vi.advanceTimersByTimeAsync(BODY_TIMEOUT_MS);
    const read = await reading;
    if (read.ok) throw new Error("A message was read that never ended.");
    expect(read.response.status).toBe(408);
    expect(await read.response.text()).toContain("did not arrive within 30 seconds");
  });
});

describe("a client that opens streams and leaves them", () => {
  it("keeps at most one open stream, and its session still works", async () => {
    const session = await openSession({ server: "crm", lane: "sessionful" });
    const streams: Response[] = [];
    for (let opened = 0; opened < 25; opened += 1) streams.push(await listen(session));
    expect(streams.map(({ status }) => status)).toEqual(streams.map(() => 200));
    for (const stream of streams.slice(0, -1)) expect(await stream.text()).not.toContain("data: {");
    await streams.at(-1)?.body?.cancel();
    expect((await session.listTools()).length).toBeGreaterThan(3);
  });

  it("loses its stream when it ends its session", async () => {
    const session = await openSession({ server: "crm", lane: "sessionful" });
    const stream = await listen(session);
    await session.close();
    expect(await stream.text()).not.toContain("data: {");
    expect((await session.request("tools/list")).status).toBe(404);
  });
});
