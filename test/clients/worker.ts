import { Agent, routeAgentRequest } from "agents";

interface AppEnv {
  APP_AGENT: DurableObjectNamespace<AppAgent>;
}

/** The action that the test requests from the app. */
export type Errand =
  | { do: "connect"; url: string; callbackHost: string }
  | { do: "list" }
  | { do: "call"; name: string; args: Record<string, unknown> }
  | { do: "read"; uri: string }
  | { do: "prompt"; name: string; args: Record<string, string> };

/** An app on Cloudflare Agents: its `MCPClientManager` signs in, keeps the tokens and talks to Gatehouse. */
export class AppAgent extends Agent<Cloudflare.Env> {
  async carryOut(errand: Errand): Promise<unknown> {
    if (errand.do === "connect") {
      return await this.addMcpServer("gatehouse", errand.url, { callbackHost: errand.callbackHost });
    }
    await this.mcp.waitForConnections();
    const serverId = this.mcp.listServers()[0]?.id ?? "";
    switch (errand.do) {
      case "list":
        return this.mcp.listTools({ serverId }).map(({ name }) => name);
      case "call":
        return await this.mcp.callTool({ serverId, name: errand.name, arguments: errand.args });
      case "read":
        return await this.mcp.readResource({ serverId, uri: errand.uri }, {});
      case "prompt":
        return await this.mcp.getPrompt({ serverId, name: errand.name, arguments: errand.args }, {});
    }
  }
}

export default {
  async fetch(request: Request, env: AppEnv): Promise<Response> {
    if (new URL(request.url).pathname === "/errand") {
      const app = env.APP_AGENT.getByName("app");
      const outcome = await (app.carryOut as (errand: Errand) => Promise<unknown>)(await request.json());
      return Response.json(outcome);
    }
    return (await routeAgentRequest(request, env)) ?? new Response("Not found", { status: 404 });
  },
};
