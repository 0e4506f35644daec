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

function answer({ text }: { text: string }) {
  const structuredContent = { text };
  return { structuredContent, content: [{ type: "text" as const, text: JSON.stringify(structuredContent) }] };
}

/** The smallest sessionful server: one tool on `McpAgent`, nothing in front. */
export class BareAgent extends McpAgent {
  server = new EarlierServer(SOFTWARE);

  override async init(): Promise<void> {
    this.server.registerTool(BARE_TOOL, CONFIG, async (input) => answer(input));
  }
}

const sessionful = BareAgent.serve("/sessionful", { binding: "BARE_AGENT" });

/** The smallest stateless server: one tool on the SDK's own server. */
const stateless = createMcpHandler(
  () => {
    const server = new McpServer(SOFTWARE);
    server.registerTool(BARE_TOOL, CONFIG, async (input) => answer(input));
    return server;
  },
  { route: "/stateless", legacy: "reject" },
);

export default {
  fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
    const { pathname } = new URL(request.url);
    return pathname === "/stateless" ? stateless.fetch(request) : sessionful.fetch(request, env, ctx);
  },
};
