import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { ResourceUpdatedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { GatewayProcess } from "../support/gateway-process.ts";
import { AppCredentials } from "./app-credentials.ts";
import { startDemoGateway } from "./demo-gateway.ts";
import { doTheJob } from "./job.ts";
import { readFirstMessage, readStructured, readText } from "./read-answers.ts";

describe("the official client of SDK v1", () => {
  const credentials = new AppCredentials();
  let gateway: GatewayProcess;
  let client: Client;
  let transport: StreamableHTTPClientTransport;

  beforeAll(async () => {
    gateway = await startDemoGateway();
    transport = openTransport();
    const stranger = new Client({ name: "test", version: "1" });
    await expect(stranger.connect(transport as Transport)).rejects.toThrow(UnauthorizedError);
    await transport.finishAuth(credentials.answer.get("code") ?? "");
    await transport.close();
    transport = openTransport();
    client = new Client({ name: "test", version: "1" });
    await client.connect(transport as Transport);
  });

  afterAll(async () => {
    await client?.close();
    await gateway?.stop();
  });

  function openTransport(): StreamableHTTPClientTransport {
    return new StreamableHTTPClientTransport(new URL(`${gateway.url}/mcp`), { authProvider: credentials });
  }

  test("signs in by discovery, registration, the two forms and PKCE, and gets a session", () => {
    expect(transport.protocolVersion).toBe("2025-11-25");
    expect(transport.sessionId).toMatch(/^[0-9a-f]{32}\./);
    expect(client.getServerCapabilities()).toMatchObject({ tools: {}, resources: {}, prompts: {} });
  });

  test("does the whole job", async () => {
    await doTheJob({
      listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
      callTool: async (name, args) => readStructured(await client.callTool({ name, arguments: args })),
      readResource: async (uri) => readText((await client.readResource({ uri })).contents),
      getPrompt: async (name, args) => readFirstMessage(await client.getPrompt({ name, arguments: args })),
    });
  });

  test("is told when an article that it watches is changed in its session, and only then", async () => {
    const updates: string[] = [];
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
      updates.push(params.uri);
    });
    const saved = readStructured(
      await client.callTool({
        name: "knowledge_save_article",
        arguments: { title: "Watched article", body: "First words.", collection: "handbook" },
      }),
    ) as { id: string; version: number };
    const uri = `kb://articles/${saved.id}`;
    const update = (expected_version: number, body: string) =>
      client.callTool({
        name: "knowledge_update_article",
        arguments: { id: saved.id, expected_version, body, change_note: "A test." },
      });

    await client.subscribeResource({ uri });
    await client.callTool({ name: "context_set", arguments: { note: "changes no article" } });
    expect(updates).toEqual([]);
    await update(1, "Second words.");
    expect(updates).toEqual([uri]);
    await client.unsubscribeResource({ uri });
    await update(2, "Third words.");
    expect(updates).toEqual([uri]);
  });

  test("cannot watch what it cannot read", async () => {
    await expect(client.subscribeResource({ uri: "kb://articles/no-such-article" })).rejects.toMatchObject({
      code: -32002,
    });
  });
});
