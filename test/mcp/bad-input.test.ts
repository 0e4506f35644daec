import { env, exports } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { MAX_BODY_BYTES } from "../../shared/mcp/http/request-body.ts";
import { LANES, openSession, type TestSession } from "../support/session.ts";

/** The HTTP response to a raw body, with the session's headers. */
async function send(session: TestSession, body: string, headers: Record<string, string> = {}) {
  session.headers = headers;
  const response = await session.post(body, "tools/list");
  const text = await response.text();
  return { status: response.status, text, body: text === "" ? null : JSON.parse(text) };
}

const NO_TRACE = /\bat \S+:\d+|\.ts\b|Error:/;

describe.each(LANES)("bad messages on the %s lane", (lane) => {
  it("answers malformed JSON with a parse error", async () => {
    const session = await openSession({ server: "crm", lane });
    for (const text of ["{", "", "not json", '{"jsonrpc":"2.0"', "\u0000"]) {
      const { status, body } = await send(session, text);
      expect(status, text).toBe(400);
      expect(body.error.code, text).toBe(-32700);
      expect(JSON.stringify(body)).not.toMatch(NO_TRACE);
    }
  });

  it("refuses batches, scalars and messages that are not JSON-RPC", async () => {
    const session = await openSession({ server: "crm", lane });
    for (const text of [
      "[]",
      "[{}]",
      '"hello"',
      "42",
      "null",
      "{}",
      '{"jsonrpc":"1.0","id":1,"method":"ping"}',
    ]) {
      const { status, body } = await send(session, text);
      expect(status, text).toBe(400);
      expect(body.error.code, text).toBeLessThan(0);
    }
  });

  it("refuses a message over the limit, whatever Content-Length says", async () => {
    const session = await openSession({ server: "crm", lane });
    const big = `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"x":"${"a".repeat(MAX_BODY_BYTES)}"}}`;
    const { status, body } = await send(session, big);
    expect(status).toBe(413);
    expect(body.error.message).toContain(String(MAX_BODY_BYTES));
  });

  it("refuses nesting that is deeper than any real message", async () => {
    const session = await openSession({ server: "crm", lane });
    const deep = `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":${'{"a":'.repeat(5_000)}1${"}".repeat(5_000)}}`;
    expect((await send(session, deep)).status).toBe(400);
  });

  it("requires the right content type and accepted formats", async () => {
    const session = await openSession({ server: "crm", lane });
    expect((await send(session, "{}", { "content-type": "text/plain" })).status).toBe(415);
    expect((await send(session, "{}", { accept: "text/html" })).status).toBe(406);
  });

  it("refuses a request that names another host or comes from a foreign page", async () => {
    const session = await openSession({ server: "crm", lane });
    expect((await send(session, "{}", { host: "evil.example" })).status).toBeGreaterThanOrEqual(400);
    expect((await send(session, "{}", { origin: "https://evil.example" })).status).toBe(403);
  });

  it("carries a message of one megabyte in and a clear answer out", async () => {
    const session = await openSession({ server: "crm", lane });
    const { error } = await session.call("context_set", { note: "n".repeat(1_000_000) });
    expect(error).toMatchObject({ code: "invalid_input" });
    expect(error?.message).toMatch(/^note: /);
  });
});

describe("tokens", () => {
  it.each([
    ["none", undefined],
    ["an empty one", "Bearer "],
    ["an invented one", "Bearer user_alice:grant:secret"],
    ["another scheme", "Basic dXNlcjpwYXNz"],
  ])("%s is answered with 401 and the way to sign in", async (_name, authorization) => {
    const response = await exports.default.fetch(`${env.PUBLIC_URL}/mcp/crm`, {
      method: "POST",
      headers: { host: new URL(env.PUBLIC_URL).host, ...(authorization !== undefined && { authorization }) },
      body: "{}",
    });
    expect(response.status).toBe(401);
    const challenge = response.headers.get("www-authenticate") ?? "";
    expect(challenge).toContain(`${env.PUBLIC_URL}/.well-known/oauth-protected-resource/mcp/crm`);
    expect(challenge).toContain('scope="crm:read"');
  });
});

/** Lifetime of an access token. */
const TOKEN_LIFE_MS = 30 * 60_000;

describe.each(LANES)("a token on the %s lane", (lane) => {
  it("is refused once it has expired, with the way to sign in again", async ({ onTestFinished }) => {
    onTestFinished(() => void vi.useRealTimers());
    const session = await openSession({ server: "crm", lane });
    vi.useFakeTimers({ toFake: ["Date"] });
    vi.setSystemTime(Date.now() + TOKEN_LIFE_MS);
    const { status, headers } = await session.request("tools/list");
    expect(status).toBe(401);
    expect(headers.get("www-authenticate")).toContain("resource_metadata=");
  });
});

describe("the stateless lane", () => {
  it("rejects methods that its revision has removed, with any parameters", async () => {
    const session = await openSession({ server: "crm", lane: "stateless" });
    for (const method of ["initialize", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"]) {
      const { status, error } = await session.request(method);
      expect([method, status, error?.code]).toEqual([method, 404, -32601]);
    }
  });
});

describe("the sessionful lane", () => {
  it("lets a page on this machine read the id of the session that it opens", async () => {
    const session = await openSession({ server: "crm", lane: "sessionful" });
    session.sessionId = undefined;
    session.headers = { origin: "http://localhost:6274" };
    const { headers } = await session.initialize();
    expect(headers.get("access-control-allow-origin")).toBe("http://localhost:6274");
    const exposed = headers.get("access-control-expose-headers")?.toLowerCase().split(", ");
    expect(exposed).toEqual(expect.arrayContaining(["mcp-session-id", "www-authenticate", "retry-after"]));
  });

  it("opens no session for a notification with the name of a request", async () => {
    const session = await openSession({ server: "crm", lane: "sessionful" });
    session.sessionId = undefined;
    const clientInfo = { name: "test", version: "1" };
    const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
    const posted = await session.post({ jsonrpc: "2.0", method: "initialize", params });
    expect([posted.status, posted.headers.get("mcp-session-id")]).toEqual([400, null]);
  });

  it("names the request of a refusal", async () => {
    const session = await openSession({ server: "crm", lane: "sessionful" });
    session.sessionId = "0".repeat(32);
    const refused = await session.post({ jsonrpc: "2.0", id: "about", method: "tools/list" });
    expect(refused.status).toBe(404);
    expect(await refused.json()).toMatchObject({ id: "about", error: { code: -32001 } });
  });

  it("requires a session id after initialize, and none with it", async () => {
    const session = await openSession({ server: "crm", lane: "sessionful" });
    const { sessionId } = session;
    session.sessionId = undefined;
    expect((await session.request("tools/list")).status).toBe(400);
    session.sessionId = sessionId;
    expect((await session.initialize()).status).toBe(400);
  });

  it("refuses an unsupported protocol revision", async () => {
    const session = await openSession({ server: "crm", lane: "sessionful" });
    session.headers = { "mcp-protocol-version": "1999-01-01" };
    expect((await session.request("tools/list")).status).toBe(400);
  });

  it("answers concurrent requests, each with its own result", async () => {
    const session = await openSession({ server: "crm", lane: "sessionful" });
    const answers = await Promise.all([
      session.request("tools/list"),
      session.request("prompts/list"),
      session.request("resources/templates/list"),
      session.request("ping"),
    ]);
    expect(answers.map(({ result }) => Object.keys(result)[0])).toEqual([
      "tools",
      "prompts",
      "resourceTemplates",
      undefined,
    ]);
  });

  it("accepts a posted response without a waiting request, and does not hang", async () => {
    const session = await openSession({ server: "crm", lane: "sessionful" });
    const posted = await session.post({ jsonrpc: "2.0", id: 99, error: { code: -1, message: "no" } });
    expect(posted.status).toBe(202);
  });
});
