import {
  auth,
  createMCPClient,
  type Experimental_MCPEventStore,
  type MCPClient,
  UnauthorizedError,
} from "@ai-sdk/mcp";
import { expect } from "vitest";
import { AppCredentials } from "../app-credentials.ts";
import type { ProgramUnderTest } from "../program.ts";
import { readFirstMessage, readStructured, readText } from "../read-answers.ts";

/**
 * Registers, signs the demonstration's administrator in, and connects.
 *
 * @param store - where the client keeps its subscriptions to events; it can have none without
 */
export async function connectAiSdk(url: string, store?: Experimental_MCPEventStore): Promise<MCPClient> {
  const authProvider = new AppCredentials();
  const transport = { type: "http", url, authProvider } as const;
  await expect(createMCPClient({ transport })).rejects.toThrow(UnauthorizedError);
  const { answer } = authProvider;
  const authorized = await auth(authProvider, {
    serverUrl: url,
    authorizationCode: answer.get("code") ?? "",
    callbackState: answer.get("state") ?? "",
    callbackIssuer: answer.get("iss") ?? "",
  });
  expect(authorized).toBe("AUTHORIZED");
  return await createMCPClient({ transport, ...(store && { experimental_events: { store } }) });
}

/** The MCP client of the AI SDK. */
export const AI_SDK: ProgramUnderTest = {
  name: "AI SDK, `@ai-sdk/mcp`",
  package: "@ai-sdk/mcp",
  revision: "2026-07-28",
  async open(url) {
    const client = await connectAiSdk(url);
    return {
      listTools: async () => Object.keys(await client.tools()),
      async callTool(name, args) {
        // As a model calls it: through the tools that the SDK created from the list.
        const tool = (await client.tools())[name];
        const result = await tool?.execute(args, { toolCallId: "1", messages: [], context: {} });
        return readStructured(result as Record<string, unknown>);
      },
      readResource: async (uri) => readText((await client.readResource({ uri })).contents),
      getPrompt: async (name, args) => readFirstMessage(await client.getPrompt({ name, arguments: args })),
      close: () => client.close(),
    };
  },
};
