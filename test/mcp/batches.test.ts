import { exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { openSession, type TestSession } from "../support/session.ts";

/** A session of a revision, opened as its clients do. */
async function beginSession(
  protocolVersion: string,
  role = "admin",
  scopes?: string[],
): Promise<TestSession> {
  const session = await openSession({ server: "crm", lane: "sessionful", role, ...(scopes && { scopes }) });
  session.sessionId = undefined;
  const clientInfo = { name: "test", version: "1" };
  const { headers } = await session.request("initialize", { protocolVersion, capabilities: {}, clientInfo });
  session.sessionId = headers.get("mcp-session-id") ?? undefined;
  session.headers = { "mcp-protocol-version": protocolVersion };
  return session;
}

const ping = (id: number) => ({ jsonrpc: "2.0", id, method: "ping" });
const call = (id: number, name: string, args: object = {}) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name, arguments: args },
});

describe("batches in a session of revision 2025-03-26", () => {
  it("answers each request of a batch, in one array", async () => {
    const session = await beginSession("2025-03-26");
    const response = await session.post([
      ping(1),
      { jsonrpc: "2.0", method: "notifications/initialized" },
      ping(2),
    ]);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual([
      { jsonrpc: "2.0", id: 1, result: {} },
      { jsonrpc: "2.0", id: 2, result: {} },
    ]);
  });

  it("guards each call like a single one", async () => {
    const session = await beginSession("2025-03-26", "sales", ["crm:read"]);
    const response = await session.post([
      call(1, "crm_get_pipeline"),
      call(2, "crm_update_contact"),
      call(3, "no_such_tool"),
    ]);
    const answers = await response.json<{ id: number; result?: object; error?: { message: string } }[]>();
    expect(answers.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(answers[0]?.result).toBeDefined();
    expect(answers[1]?.error?.message).toContain("HTTP 403");
    expect(answers[2]?.error?.message).toContain("Unknown tool");
  });

  it("accepts a batch without requests, and answers nothing", async () => {
    const session = await beginSession("2025-03-26");
    const response = await session.post([
      { jsonrpc: "2.0", method: "notifications/initialized" },
      { jsonrpc: "2.0", id: 9, result: {} },
    ]);
    expect([response.status, await response.text()]).toEqual([202, ""]);
  });

  it("refuses one that is empty, too long or begins a session", async () => {
    const session = await beginSession("2025-03-26");
    const begin = { jsonrpc: "2.0", id: 1, method: "initialize", params: {} };
    for (const batch of [[], Array.from({ length: 101 }, (_, id) => ping(id)), [ping(1), begin], [1, 2]]) {
      expect((await session.post(batch)).status).toBe(400);
    }
  });

  it("keeps other users' sessions closed", async () => {
    const session = await beginSession("2025-03-26");
    const stranger = await openSession({ server: "crm", lane: "sessionful", as: "bob" });
    stranger.sessionId = session.sessionId;
    expect((await stranger.post([ping(1)])).status).toBe(404);
  });

  it.each(["2025-06-18", "2025-11-25"])(
    "ended with the revision after: %s refuses them",
    async (revision) => {
      const session = await beginSession(revision);
      const response = await session.post([ping(1), ping(2)]);
      expect(response.status).toBe(400);
      expect(await response.text()).toContain("Batches are not supported");
    },
  );
});

describe("headers of a POST", () => {
  const post = (session: TestSession, headers: Record<string, string>, method = "POST") =>
    exports.default.fetch(session.url, {
      method,
      headers: {
        host: new URL(session.url).host,
        authorization: `Bearer ${session.token.accessToken}`,
        ...(session.sessionId !== undefined && { "mcp-session-id": session.sessionId }),
        ...headers,
      },
      ...(method === "POST" && { body: JSON.stringify(ping(1)) }),
    });

  it.each([
    ["Application/JSON; charset=UTF-8", "Application/Json, TEXT/Event-Stream"],
    ["APPLICATION/JSON", "application/*, text/*;q=0.5"],
    ["application/json", "*/*"],
  ])("compares %s and %s without regard to case", async (type, accept) => {
    const session = await openSession({ server: "crm", lane: "sessionful" });
    expect((await post(session, { "content-type": type, accept })).status).toBe(200);
  });

  it("checks Accept in the stateless lane the same way", async () => {
    const session = await openSession({ server: "crm", lane: "stateless" });
    session.headers = { accept: "Application/JSON, Text/Event-Stream" };
    expect((await session.request("tools/list")).result.tools.length).toBeGreaterThan(3);
  });

  it("refuses a compressed body with 415 and the accepted encoding", async () => {
    const session = await openSession({ server: "crm", lane: "sessionful" });
    const headers = { "content-type": "application/json", accept: "*/*", "content-encoding": "gzip" };
    const response = await post(session, headers);
    expect([response.status, response.headers.get("accept-encoding")]).toEqual([415, "identity"]);
  });

  it("tells proxies not to buffer streams", async () => {
    const session = await openSession({ server: "crm", lane: "sessionful" });
    const stream = await post(session, { accept: "Text/Event-Stream" }, "GET");
    expect([stream.status, stream.headers.get("x-accel-buffering")]).toEqual([200, "no"]);
    await stream.body?.cancel();
    const stateless = await openSession({ server: "crm", lane: "stateless" });
    const notifications = { toolsListChanged: true };
    const listening = await stateless.send("subscriptions/listen", { notifications });
    expect(listening.headers.get("content-type")).toBe("text/event-stream");
    expect(listening.headers.get("x-accel-buffering")).toBe("no");
    await listening.body?.cancel();
  });
});
