import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
  UnauthorizedError as ModernUnauthorizedError,
  type VersionNegotiationMode,
} from "@modelcontextprotocol/client";
import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { expect } from "vitest";
import { AppCredentials } from "../app-credentials.ts";
import type { OpenProgram, ProgramUnderTest } from "../program.ts";
import { readFirstMessage, readStructured, readText } from "../read-answers.ts";

const APP = { name: "test", version: "1" };

/** The TypeScript SDK of most of today's clients. */
export const SDK_V1: ProgramUnderTest = {
  name: "Official SDK v1 (TypeScript)",
  package: "@modelcontextprotocol/sdk",
  revision: "2025-11-25",
  open: async (url) => describeClient((await connectSdkV1(url)).client),
};

/** Signs an app on SDK v1 in and connects it. */
export async function connectSdkV1(
  url: string,
  capabilities: object = {},
): Promise<{ client: Client; transport: StreamableHTTPClientTransport }> {
  const authProvider = new AppCredentials();
  const first = new StreamableHTTPClientTransport(new URL(url), { authProvider });
  await expect(new Client(APP).connect(first as Transport)).rejects.toThrow(UnauthorizedError);
  await first.finishAuth(authProvider.answer.get("code") ?? "");
  await first.close();
  const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider });
  const client = new Client(APP, { capabilities });
  await client.connect(transport as Transport);
  return { client, transport };
}

/** SDK v2, which speaks both generations. */
export function sdkV2(mode: VersionNegotiationMode): ProgramUnderTest {
  const named = typeof mode === "string" ? mode : `pin ${mode.pin}`;
  return {
    name: `Official SDK v2 (TypeScript), mode \`${named}\``,
    package: "@modelcontextprotocol/client",
    revision: mode === "legacy" ? "2025-11-25" : "2026-07-28",
    open: async (url) => describeClient(await connectSdkV2(url, mode)),
  };
}

/** Signs an app on SDK v2 in and connects it. */
async function connectSdkV2(
  url: string,
  mode: VersionNegotiationMode,
  capabilities: object = {},
): Promise<ModernClient> {
  const authProvider = new AppCredentials();
  const options = { capabilities, versionNegotiation: { mode } };
  const first = new ModernTransport(new URL(url), { authProvider });
  await expect(new ModernClient(APP, options).connect(first)).rejects.toThrow(ModernUnauthorizedError);
  await first.finishAuth(authProvider.answer);
  await first.close();
  const client = new ModernClient(APP, options);
  await client.connect(new ModernTransport(new URL(url), { authProvider }));
  return client;
}

/** The part of a client that both official SDKs share. */
interface CommonClient {
  listTools(): Promise<{ tools: { name: string }[] }>;
  callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<Record<string, unknown>>;
  readResource(params: { uri: string }): Promise<{ contents: object[] }>;
  getPrompt(params: { name: string; arguments: Record<string, string> }): Promise<{ messages: unknown[] }>;
  close(): Promise<void>;
}

/** What a connected client of an official SDK can do. */
export function describeClient(client: CommonClient): OpenProgram {
  return {
    listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
    callTool: async (name, args) => readStructured(await client.callTool({ name, arguments: args })),
    readResource: async (uri) => readText((await client.readResource({ uri })).contents),
    getPrompt: async (name, args) => readFirstMessage(await client.getPrompt({ name, arguments: args })),
    close: () => client.close(),
  };
}
