import type http from "node:http";
import { DECEIT, RESUME } from "./deceitful.ts";
import { endlessPage, type Manner, TREACHERY } from "./treacherous.ts";

interface Message {
  id?: number | string;
  method?: string;
  params?: { name?: string; cursor?: string };
}

const TOOL = {
  name: "read",
  description: "Reads.",
  inputSchema: { type: "object" },
  annotations: { readOnlyHint: true },
};

/** A tool of 10,000 arguments, and two whose names differ by their Unicode normalization alone. */
const WIDE = [
  {
    ...TOOL,
    inputSchema: {
      type: "object",
      properties: Object.fromEntries(
        Array.from({ length: 10_000 }, (_, at) => [`argument_${at}`, { type: "string" }]),
      ),
    },
  },
  { ...TOOL, name: "caf\u00e9" },
  { ...TOOL, name: "cafe\u0301" },
];

/** The call of `ends_late` that has no answer, until another one comes. */
let held: http.ServerResponse | "let go" | null = null;

/** Whether `list_breaks` still lists its tools, and what it does once it has ended a list without an answer. */
let lists: "whole" | "breaking" | "broken" = "whole";
let onBroken = (): void => {};

/** What a bad server answers to `tools/call`, by the last part of its path. Everything before works. */
const MANNERS: Readonly<Record<string, Manner>> = {
  ...TREACHERY,
  ...DECEIT,
  hangs: () => {},
  drips: (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const timer = setInterval(() => response.write(": still here\n\n"), 200);
    response.on("close", () => clearInterval(timer));
  },
  refuses: (response) => void response.writeHead(503).end(),
  garbage: (response) =>
    void response.writeHead(200, { "content-type": "application/json" }).end("{{{ not json"),
  endless: (response) =>
    writeForever(
      response,
      `data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"${"x".repeat(60_000)}"}}\n\n`,
    ),
  endless_message: (response) => writeForever(response, "x".repeat(60_000), "data: "),
  endless_comment: (response) => writeForever(response, `: ${"x".repeat(1_000)}\n\n`),
  list_breaks: (response, id) => {
    if (lists === "broken") answerText(response, id, "fine");
    else onBroken = () => answerText(response, id, "fine");
  },
  ends_late: (response, id) => {
    if (held === "let go") return answerText(response, id, "again");
    if (held === null) {
      held = response;
      return void response.writeHead(200, { "content-type": "text/event-stream" }).write(": wait\n\n");
    }
    held.end(() => answerText(response, id, "second"));
    held = "let go";
  },
  ends: endWithoutAnswer,
  breaks: (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(": bye\n\n", () => response.destroy());
  },
  wrong_ids: (response) => send(response, { jsonrpc: "2.0", id: 987_654, result: { content: [] } }),
  unasked: (response, id) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (let other = 1_000; other < 1_050; other += 1)
      response.write(`data: ${JSON.stringify({ jsonrpc: "2.0", id: other, result: { content: [] } })}\n\n`);
    const result = { content: [{ type: "text", text: "mine" }] };
    response.end(`data: ${JSON.stringify({ jsonrpc: "2.0", id, result })}\n\n`);
  },
  redirects: (response) => void response.writeHead(307, { location: "http://localhost:1/mcp" }).end(),
  closes: (response) => void response.destroy(),
  no_result: (response, id) => send(response, { jsonrpc: "2.0", id, result: { content: "none" } }),
};

function endWithoutAnswer(response: http.ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream" }).end(": bye\n\n");
}

function writeForever(response: http.ServerResponse, again: string, first = ""): void {
  response.writeHead(200, { "content-type": "text/event-stream" }).write(first);
  const write = () => {
    while (!response.destroyed && response.write(again));
  };
  response.on("drain", write);
  write();
}

function answerText(response: http.ServerResponse, id: Message["id"], text: string): void {
  send(response, { jsonrpc: "2.0", id, result: { content: [{ type: "text", text }] } });
}

function send(response: http.ServerResponse, body: object): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
}

/** Servers of 2025 without sessions that behave well until a tool is called; see {@link MANNERS}. `/big` lists 10 MB. */
export function serveHostile(): http.RequestListener {
  return (request, response) => {
    const manner = new URL(request.url ?? "", "http://hostile").pathname.split("/").at(-1) ?? "";
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString();
      if (manner === "break_lists") {
        lists = "breaking";
        return void response.end();
      }
      if (manner === "held") return void response.end(String(held !== null));
      if (manner === "resumes" && request.method === "GET")
        return void response.writeHead(200, { "content-type": "text/event-stream" }).end(RESUME);
      const { id, method, params } = (text === "" ? {} : JSON.parse(text)) as Message;
      if (id === undefined) return void response.writeHead(method === undefined ? 405 : 202).end();
      switch (method) {
        case "initialize":
          if (manner === "odd_session")
            response.setHeader("mcp-session-id", `a\tb\u00e9${"x".repeat(4_000)}`);
          return send(response, {
            jsonrpc: "2.0",
            id,
            result: {
              protocolVersion: "2025-11-25",
              capabilities: { tools: {} },
              serverInfo: { name: manner, version: "1" },
            },
          });
        case "tools/list": {
          if (manner === "list_breaks" && lists !== "whole") {
            response.once("close", () => {
              lists = "broken";
              onBroken();
            });
            return endWithoutAnswer(response);
          }
          const page = endlessPage(manner, params?.cursor);
          if (page !== null) return send(response, { jsonrpc: "2.0", id, result: page });
          if (manner === "wide") return send(response, { jsonrpc: "2.0", id, result: { tools: WIDE } });
          const description = manner === "big" ? "x".repeat(10_000_000) : TOOL.description;
          return send(response, { jsonrpc: "2.0", id, result: { tools: [{ ...TOOL, description }] } });
        }
        case "tools/call":
          return (MANNERS[manner] ?? MANNERS.unasked)?.(response, id, request.headers);
        default:
          return send(response, { jsonrpc: "2.0", id, error: { code: -32601, message: "Method not found" } });
      }
    });
  };
}
