import { DurableObject, env } from "cloudflare:workers";
import { McpServer as EarlierServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpServer } from "@modelcontextprotocol/server";
import { McpAgent } from "agents/mcp";
import { createMcpHandler } from "agents/mcp/server";
import { BARE_TOOL, ECHO } from "./echo.ts";

const SOFTWARE = { name: "bare", version: "1.0.0" };
const CONFIG = {
  title: ECHO.title,
  description: ECHO.description,
  inputSchema: ECHO.input,
  outputSchema: ECHO.output,
};

type Input = { text: string };

async function answer({ text }: Input) {
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

export default {
  fetch(request: Request, bindings: Env, ctx: ExecutionContext): Promise<Response> {
    switch (new URL(request.url).pathname) {
      case "/stateless":
        return stateless(request);
      case "/stateless/noting":
        return statelessNoting(request);
      case "/sessionful/noting":
        return sessionfulNoting.fetch(request, bindings, ctx);
      default:
        return sessionful.fetch(request, bindings, ctx);
    }
  },
};
