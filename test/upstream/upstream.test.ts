import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { defineTool, type ToolContext, type ToolDefinition } from "../../shared/server/define.ts";
import { knowledge } from "../../workers/knowledge/server.ts";
import { LANES, openSession, type TestSession } from "../support/session.ts";
import type { SeenRequest } from "../support/upstream-server.ts";

const TRACE = "ab".repeat(16);
const SPAN = "12".repeat(8);
const HOST = env.PLAIN_HTTP_UPSTREAMS.split(" ")[0] ?? "";
const ORIGIN = `http://${HOST}`;

/** A tool that calls a given URL. Only the deadline differs. */
const asking = (name: string, timeoutMs: number) =>
  defineTool({
    name,
    title: "Ask upstream",
    description: "Asks another system over HTTP and gives what it answered.",
    effect: "read",
    scope: "knowledge:read",
    openWorld: true,
    timeoutMs,
    input: z.object({
      url: z.string().describe("Where"),
      method: z.string().default("GET").describe("How"),
      header: z.string().optional().describe("Value of a header that goes along"),
      times: z.number().default(1).describe("How often"),
    }),
    output: z.object({ status: z.number(), body: z.string() }),
    async run({ url, method, header, times }, { fetch }: ToolContext) {
      const headers = { traceparent: "none", ...(header !== undefined && { "x-key": header }) };
      const body = method === "POST" ? { body: "{}" } : {};
      let answer = { status: 0, body: "" };
      for (let time = 0; time < times; time += 1) {
        const response = await fetch(url, { method, headers, ...body });
        answer = { status: response.status, body: await response.text() };
      }
      return answer;
    },
  }) as ToolDefinition;

// Before the first request: the catalogue of a URL is prepared once.
(knowledge.tools as ToolDefinition[]).push(
  asking("knowledge_ask", 20_000),
  asking("knowledge_ask_briefly", 300),
);

afterEach(() => void vi.restoreAllMocks());

/** The requests of one test that the upstream system received. */
async function readSeen(id: string): Promise<SeenRequest[]> {
  return await (await fetch(`${ORIGIN}/seen?id=${id}`)).json();
}

/** Later log lines about upstream requests. */
function watchLines(): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = [];
  for (const level of ["info", "warn"] as const) {
    vi.spyOn(console, level).mockImplementation((text: unknown) => {
      const line = JSON.parse(String(text)) as Record<string, unknown>;
      if (line.event === "upstream") lines.push(line);
    });
  }
  return lines;
}

describe.each(LANES)("a tool that calls another system, on the %s lane", (lane) => {
  const open = () => openSession({ server: "knowledge", lane, as: "ed", role: "editor" });

  const paramsOf = (args: Record<string, unknown>, name = "knowledge_ask") => ({
    name,
    arguments: args,
    _meta: { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: "vendor=1,other=2" },
  });

  async function ask(session: TestSession, args: Record<string, unknown>, name?: string) {
    const { result } = await session.request("tools/call", paramsOf(args, name));
    return result.isError ? JSON.parse(result.content[0].text).error : result.structuredContent;
  }

  it("sends it the trace of the call, and each request is a span of its own", async () => {
    const id = crypto.randomUUID();
    const answer = await ask(await open(), { url: `${ORIGIN}/answer?id=${id}`, times: 2 });
    expect(answer).toEqual({ status: 200, body: "Answered." });
    const spans = (await readSeen(id)).map(({ headers }) => {
      expect(headers.tracestate).toBe("vendor=1,other=2");
      return /^00-([0-9a-f]{32})-([0-9a-f]{16})-01$/.exec(String(headers.traceparent));
    });
    expect(spans.map((match) => match?.[1])).toEqual([TRACE, TRACE]);
    expect(new Set([SPAN, ...spans.map((match) => match?.[2])]).size).toBe(3);
  });

  it("sends it nothing about the caller: no token, no identity, no session", async () => {
    const id = crypto.randomUUID();
    const session = await open();
    await ask(session, { url: `${ORIGIN}/answer?id=${id}`, header: "our own key" });
    const [request] = await readSeen(id);
    expect(request?.headers["x-key"]).toBe("our own key");
    expect(JSON.stringify(request)).not.toContain(session.token.accessToken);
    const ours = Object.keys(request?.headers ?? {}).filter((name) =>
      /^(authorization|cookie|mcp-|gatehouse-)/.test(name),
    );
    expect(ours).toEqual([]);
  });

  it("aborts the request when the client cancels the call", async () => {
    const id = crypto.randomUUID();
    const session = await open();
    const controller = new AbortController();
    const message = {
      jsonrpc: "2.0",
      id: 77,
      method: "tools/call",
      params: session.envelop(paramsOf({ url: `${ORIGIN}/never?id=${id}` })),
    };
    const call = session.post(message, "tools/call", message.params, controller.signal).catch(() => null);
    await expect.poll(() => readSeen(id)).toHaveLength(1);
    if (lane === "stateless") controller.abort();
    else
      await session.post({
        jsonrpc: "2.0",
        method: "notifications/cancelled",
        params: { requestId: 77 },
      });
    await expect.poll(() => readSeen(id)).toMatchObject([{ abandoned: true }]);
    await call;
  });

  it("aborts the request after the call's time limit, also in the middle of the response", async () => {
    const session = await open();
    for (const path of ["/never", "/half"]) {
      const id = crypto.randomUUID();
      const error = await ask(session, { url: `${ORIGIN}${path}?id=${id}` }, "knowledge_ask_briefly");
      expect(error).toMatchObject({ code: "timeout" });
      await expect.poll(() => readSeen(id)).toMatchObject([{ abandoned: true }]);
    }
  });

  it("writes a log line with host, status and duration, and without path and query", async () => {
    const session = await open();
    const lines = watchLines();
    expect(await ask(session, { url: `${ORIGIN}/missing?secret=s3cret` })).toMatchObject({ status: 404 });
    expect(lines).toEqual([
      expect.objectContaining({
        ...{ level: "info", trace_id: TRACE, name: "knowledge_ask", host: HOST },
        ...{ method: "GET", status: 404, duration_ms: expect.any(Number) },
      }),
    ]);
    expect(JSON.stringify(lines)).not.toMatch(/missing|s3cret/);
  });

  it("follows redirects to the same origin only, up to a limit", async () => {
    const id = crypto.randomUUID();
    const session = await open();
    expect(await ask(session, { url: `${ORIGIN}/here?id=${id}`, method: "POST" })).toMatchObject({
      status: 200,
    });
    const path = (await readSeen(id)).map((request) => `${request.method} ${request.path}`);
    expect(path).toEqual(["POST /here", "GET /answer"]);
    for (const [where, method] of [
      ["/away", "GET"],
      ["/loop", "GET"],
      ["/same-data", "POST"],
    ]) {
      const error = await ask(session, { url: `${ORIGIN}${where}?id=${id}`, method });
      expect(error).toMatchObject({ code: "forbidden" });
    }
  });

  it("sends nothing over plain HTTP to a host that the deployment does not name, and never the caller's token", async () => {
    const id = crypto.randomUUID();
    const session = await open();
    const { accessToken } = session.token;
    const refused = [
      { url: `http://localhost:${HOST.split(":")[1]}/answer?id=${id}` },
      { url: "ftp://intranet.example/file" },
      { url: `${ORIGIN}/answer?id=${id}`, header: `Bearer ${accessToken}` },
      { url: `${ORIGIN}/answer?id=${id}&key=${encodeURIComponent(accessToken)}` },
      { url: `${ORIGIN}/answer?id=${id}&${encodeURIComponent(accessToken)}` },
      { url: `${ORIGIN}/answer/${accessToken}/x?id=${id}` },
      { url: `${ORIGIN}/answer/${encodeURIComponent(accessToken)}?id=${id}` },
      { url: `http://${encodeURIComponent(accessToken)}@${HOST}/answer?id=${id}` },
    ];
    for (const args of refused) {
      const error = await ask(session, args);
      expect(error).toMatchObject({ code: "forbidden" });
      expect(JSON.stringify(error)).not.toContain(accessToken);
    }
    expect(await readSeen(id)).toEqual([]);
  });

  it("stops reading a response that is larger than an isolate's memory, also when it is compressed", async () => {
    const id = crypto.randomUUID();
    const session = await open();
    for (const path of ["/endless", "/packed"]) {
      const error = await ask(session, { url: `${ORIGIN}${path}?id=${id}` });
      expect(error).toMatchObject({ code: "unavailable", message: `${HOST} answers with too much.` });
    }
    await expect.poll(async () => (await readSeen(id))[0]).toMatchObject({ abandoned: true });
  });

  it("reports with our own error that it cannot be reached", async () => {
    expect(await ask(await open(), { url: "http://127.0.0.1:1/" })).toMatchObject({
      code: "unavailable",
      message: "127.0.0.1:1 could not be reached.",
    });
  });
});
