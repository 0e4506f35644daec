import { MultiServerMCPClient } from "@langchain/mcp-adapters";
import { auth } from "@modelcontextprotocol/sdk/client/auth.js";
import { expect } from "vitest";
import { AppCredentials } from "../app-credentials.ts";
import type { ProgramUnderTest } from "../program.ts";
import { readFirstMessage, readStructured } from "../read-answers.ts";

const SERVER = "gatehouse";

/** LangChain's adapters, which convert a server's list to LangChain tools. */
export const LANGCHAIN: ProgramUnderTest = {
  name: "LangChain, `@langchain/mcp-adapters`",
  package: "@langchain/mcp-adapters",
  revision: "2025-11-25",
  async open(url) {
    const authProvider = new AppCredentials();
    const connect = () =>
      new MultiServerMCPClient({
        mcpServers: { [SERVER]: { transport: "http", url, authProvider, automaticSSEFallback: false } },
      });
    await expect(connect().getTools()).rejects.toThrow();
    const authorizationCode = authProvider.answer.get("code") ?? "";
    expect(await auth(authProvider, { serverUrl: url, authorizationCode })).toBe("AUTHORIZED");
    const adapters = connect();
    const tools = new Map((await adapters.getTools()).map((tool) => [tool.name, tool]));
    return {
      listTools: async () => [...tools.keys()],
      async callTool(name, args) {
        const answer: unknown = await tools.get(name)?.invoke(args);
        return readStructured(answer as Record<string, unknown>);
      },
      async readResource(uri) {
        const [first] = await adapters.readResource(SERVER, uri);
        return first?.text ?? "";
      },
      async getPrompt(name, args) {
        const client = await adapters.getClient(SERVER);
        return readFirstMessage((await client?.getPrompt({ name, arguments: args })) ?? {});
      },
      close: () => adapters.close(),
    };
  },
};
