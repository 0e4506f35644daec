import { DurableObject, env } from "cloudflare:workers";
import { McpServer as EarlierServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpServer } from "@modelcontextprotocol/server";
import { McpAgent } from "agents/mcp";
import { createMcpHandler } from "agents/mcp/server";
import { BARE_TOOL, ECHO, work } from "./echo.ts";

const SOFTWARE = { name: "bare", version: "1.0.0" };
const CONFIG = {
  title: ECHO.title,
  description: ECHO.description,
  inputSchema: ECHO.input,
  outputSchema: ECHO.output,
};

type Input = { text: string; work_ms?: number | undefined };

async function answer({ text, work_ms }: Input) {
  await work(work_ms);
  const structuredContent = { text };
  return { structuredContent, content: [{ type: "text" as const, text: JSON.stringify(structuredContent) }] };
}

/** An object that writes one row and acknowledges it: the minimum cost of a durable intent. */
export class BareNotes extends DurableObject {
  constructor(ctx: DurableObjectState, bindings: Cloudflare.Env) {
    super(ctx, bindings);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, text TEXT NOT NULL)");
  }

  async note(text: string): Promise<void> {
    this.ctx.storage.sql.exec("INSERT INTO note (text) VALUES (?)", text);
  }
}

async function noteAndAnswer(input: Input) {
  const { BARE_NOTES } = env as unknown as { BARE_NOTES: DurableObjectNamespace<BareNotes> };
  // One of eight objects, like the bench's eight users.
  await BARE_NOTES.get(BARE_NOTES.idFromName(String(Math.floor(Math.random() * 8)))).note(input.text);
  return answer(input);
}

/** The smallest sessionful server: one tool on `McpAgent`, without a guard. */
export class BareAgent extends McpAgent {
  server = new EarlierServer(SOFTWARE);

  override async init(): Promise<void> {
    this.server.registerTool(BARE_TOOL, CONFIG, answer);
  }
}

/** The same, and the tool first writes one row into another object. */
export class NotingAgent extends McpAgent {
  server = new EarlierServer(SOFTWARE);

  override async init(): Promise<void> {
    this.server.registerTool(BARE_TOOL, CONFIG, noteAndAnswer);
  }
}

/** A session without the agents library: one object that answers JSON-RPC itself, and writes a row for each call. */
export class PlainSession extends DurableObject {
  constructor(ctx: DurableObjectState, bindings: Cloudflare.Env) {
    super(ctx, bindings);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, text TEXT NOT NULL)");
  }

  override async fetch(request: Request): Promise<Response> {
    const { id, method, params } = (await request.json()) as {
      id?: number;
      method: string;
      params?: { arguments?: unknown };
    };
    if (id === undefined) return new Response(null, { status: 202 });
    if (method === "initialize") {
      const result = { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: SOFTWARE };
      return Response.json({ jsonrpc: "2.0", id, result });
    }
    const input = ECHO.input.parse(params?.arguments);
    this.ctx.storage.sql.exec("INSERT INTO note (text) VALUES (?)", input.text);
    return Response.json({ jsonrpc: "2.0", id, result: await answer(input) });
  }
}

async function servePlainSession(request: Request, sessions: DurableObjectNamespace): Promise<Response> {
  const known = request.headers.get("mcp-session-id");
  const name = known ?? crypto.randomUUID();
  const response = await sessions.get(sessions.idFromName(name)).fetch(request);
  if (known !== null) return response;
  const headers = new Headers(response.headers);
  headers.set("mcp-session-id", name);
  return new Response(response.body, { status: response.status, headers });
}

/** The smallest stateless server: one tool on the SDK's own server. */
function serveStateless(route: string, run: typeof answer) {
  const handler = createMcpHandler(
    () => {
      const server = new McpServer(SOFTWARE);
      server.registerTool(BARE_TOOL, CONFIG, run);
      return server;
    },
    { route, legacy: "reject" },
  );
  return (request: Request) => handler.fetch(request);
}

const sessionful = BareAgent.serve("/sessionful", { binding: "BARE_AGENT" });
const sessionfulNoting = NotingAgent.serve("/sessionful/noting", { binding: "NOTING_AGENT" });
const stateless = serveStateless("/stateless", answer);
const statelessNoting = serveStateless("/stateless/noting", noteAndAnswer);
// There is no McpAgent in it.
const statelessPlain = serveStateless("/stateless/plain", noteAndAnswer);

export default {
  fetch(request: Request, bindings: Env, ctx: ExecutionContext): Promise<Response> {
    switch (new URL(request.url).pathname) {
      case "/stateless":
        return stateless(request);
      case "/stateless/noting":
        return statelessNoting(request);
      case "/stateless/plain":
        return statelessPlain(request);
      case "/sessionful/plain":
        return servePlainSession(
          request,
          (bindings as unknown as { PLAIN_SESSION: DurableObjectNamespace }).PLAIN_SESSION,
        );
      case "/sessionful/noting":
        return sessionfulNoting.fetch(request, bindings, ctx);
      default:
        return sessionful.fetch(request, bindings, ctx);
    }
  },
};
