import { Client, StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { GatewayProcess } from "../support/gateway-process.ts";
import { AppCredentials } from "./app-credentials.ts";
import { startDemoGateway } from "./demo-gateway.ts";
import { doTheJob } from "./job.ts";
import { readFirstMessage, readStructured, readText } from "./read-answers.ts";

describe("the official client of SDK v2 that negotiates the version", () => {
  const credentials = new AppCredentials();
  let gateway: GatewayProcess;
  let client: Client;

  beforeAll(async () => {
    gateway = await startDemoGateway();
    const transport = openTransport();
    await expect(openClient().connect(transport)).rejects.toThrow(UnauthorizedError);
    await transport.finishAuth(credentials.answer);
    await transport.close();
    client = openClient();
    await client.connect(openTransport());
  });

  afterAll(async () => {
    await client?.close();
    await gateway?.stop();
  });

  function openTransport(): StreamableHTTPClientTransport {
    return new StreamableHTTPClientTransport(new URL(`${gateway.url}/mcp`), { authProvider: credentials });
  }

  function openClient(): Client {
    return new Client({ name: "test", version: "1" }, { versionNegotiation: { mode: "auto" } });
  }

  test("signs in by discovery, registration, the two forms and PKCE, and speaks the newest revision", () => {
    expect(client.getNegotiatedProtocolVersion()).toBe("2026-07-28");
  });

  test("does the whole job", async () => {
    await doTheJob({
      listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
      callTool: async (name, args) => readStructured(await client.callTool({ name, arguments: args })),
      readResource: async (uri) => readText((await client.readResource({ uri })).contents),
      getPrompt: async (name, args) => readFirstMessage(await client.getPrompt({ name, arguments: args })),
    });
  });
});
