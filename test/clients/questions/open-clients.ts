import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { listLoaders } from "../../../scripts/local/demonstration.ts";
import { type GatewayOptions, type GatewayProcess, startGateway } from "../../support/gateway-process.ts";
import { AppCredentials } from "../app-credentials.ts";
import { liftLimits } from "./lift-limits.ts";

/** The databases of the gateway, for facts that are computed separately. */
export type Databases = Pick<Env, "ANALYTICS_DB" | "CRM_DB" | "KNOWLEDGE_DB" | "PLATFORM_DB">;

/** Result of a call: the structured answer, or the error in the form for a model. */
export interface Answer {
  // The test knows the type of a tool's answer.
  data: ReturnType<typeof JSON.parse>;
  error: { code: string; message: string; suggested_action: string; retry_after?: number } | undefined;
  /** The blocks of the answer. */
  content: { type?: string; text?: string; data?: string; mimeType?: string }[];
  /** Everything that a model would read, in characters. */
  length: number;
}

/** A client of one of the official SDKs, signed in as one of the demonstration people. */
export interface TaskClient {
  call(tool: string, args?: Record<string, unknown>): Promise<Answer>;
  prompt(name: string, args: Record<string, string>): Promise<string>;
  resource(uri: string): Promise<string>;
  /** Ends a consent that a call started: the user has allowed the missing scope. */
  finishConsent(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts one gateway with demonstration data for all tasks, and returns its databases.
 *
 * @param options - what differs from the local environment
 */
export async function startTaskGateway(
  options: Pick<GatewayOptions, "vars" | "runsCode"> = {},
): Promise<{ gateway: GatewayProcess; databases: Databases }> {
  let databases: Databases | undefined;
  const gateway = await startGateway({
    ...options,
    async seed(env) {
      databases = env;
      for (const [binding, loader] of Object.entries(listLoaders({ contacts: 800, events: 20_000 }))) {
        await loader.load(env[binding as keyof Databases], () => {}, env.MEDIA);
      }
      await liftLimits(env.PLATFORM_DB);
    },
  });
  if (databases === undefined) throw new Error("Nothing was loaded.");
  return { gateway, databases };
}

/** Signs in the client of a generation, at the URL of all servers. */
export async function openTaskClient(
  gateway: Pick<GatewayProcess, "url">,
  lane: "sessionful" | "stateless",
  authProvider = new AppCredentials(),
): Promise<TaskClient> {
  const url = new URL(`${gateway.url}/mcp`);
  const about = { name: "task test", version: "1" };
  if (lane === "sessionful") {
    const open = () => new StreamableHTTPClientTransport(url, { authProvider });
    const finish = (transport: StreamableHTTPClientTransport) =>
      transport.finishAuth(authProvider.answer.get("code") ?? "");
    const first = open();
    await new Client(about).connect(first as Transport).catch(() => {});
    await finish(first);
    await first.close();
    const [client, transport] = [new Client(about), open()];
    await client.connect(transport as Transport);
    return wrap(client as unknown as Callable, () => finish(transport));
  }
  const options = { versionNegotiation: { mode: "auto" as const } };
  const first = new ModernTransport(url, { authProvider });
  await new ModernClient(about, options).connect(first).catch(() => {});
  await first.finishAuth(authProvider.answer);
  await first.close();
  const [client, transport] = [new ModernClient(about, options), new ModernTransport(url, { authProvider })];
  await client.connect(transport);
  return wrap(client as unknown as Callable, () => transport.finishAuth(authProvider.answer));
}

/** The common functions of both SDKs' clients. */
interface Callable {
  callTool(request: { name: string; arguments: Record<string, unknown> }): Promise<Record<string, unknown>>;
  getPrompt(request: {
    name: string;
    arguments: Record<string, string>;
  }): Promise<{ messages: { content: { text?: string } }[] }>;
  readResource(request: { uri: string }): Promise<{ contents: { text?: string }[] }>;
  close(): Promise<void>;
}

function wrap(client: Callable, finishConsent: () => Promise<void>): TaskClient {
  return {
    finishConsent,
    async call(name, args = {}) {
      const result = await client.callTool({ name, arguments: args });
      const content = (result.content ?? []) as Answer["content"];
      const text = content.map((block) => block.text ?? "").join("\n");
      const error = result.isError === true ? JSON.parse(content[0]?.text ?? "{}").error : undefined;
      return { data: result.structuredContent, error, content, length: text.length };
    },
    async prompt(name, args) {
      const { messages } = await client.getPrompt({ name, arguments: args });
      return messages.map(({ content }) => content.text ?? "").join("\n");
    },
    async resource(uri) {
      return (await client.readResource({ uri })).contents.map(({ text }) => text ?? "").join("\n");
    },
    close: () => client.close(),
  };
}
