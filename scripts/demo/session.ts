import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as EarlierClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as EarlierTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

/** The two generations of the protocol: sessions opened with `initialize`, and self-contained requests. */
export const GENERATIONS = ["sessionful", "stateless"] as const;

/** One of {@link GENERATIONS}. */
export type Generation = (typeof GENERATIONS)[number];

/** What a tool answered. */
export interface Answer {
  isError: boolean;
  /** The structured answer; `{ error: … }` when `isError`. */
  data: Record<string, unknown>;
}

/** A connected client with the same interface in both generations. */
export interface Session {
  /** Such as `2025-11-25`. */
  protocol: string;
  listTools(): Promise<string[]>;
  call(tool: string, args: Record<string, unknown>): Promise<Answer>;
  close(): Promise<void>;
}

const APP = { name: "gatehouse-demo", version: "1.0.0" };

/** Connects the official client of one generation to an MCP URL with a token for it. */
export async function openSession(generation: Generation, url: string, token: string): Promise<Session> {
  const requestInit = { headers: { Authorization: `Bearer ${token}` } };
  if (generation === "sessionful") {
    const client = new EarlierClient(APP);
    const transport = new EarlierTransport(new URL(url), { requestInit });
    await client.connect(transport as Parameters<typeof client.connect>[0]);
    return {
      protocol: transport.protocolVersion ?? "unknown",
      listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
      call: async (name, args) => toAnswer(await client.callTool({ name, arguments: args })),
      async close() {
        // Ends the session on the server too, instead of letting it expire.
        await transport.terminateSession();
        await client.close();
      },
    };
  }
  const client = new Client(APP, { versionNegotiation: { mode: "auto" } });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
  return {
    protocol: client.getNegotiatedProtocolVersion() ?? "unknown",
    listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args) => toAnswer(await client.callTool({ name, arguments: args })),
    close: () => client.close(),
  };
}

function toAnswer(result: Record<string, unknown>): Answer {
  const isError = result.isError === true;
  const structured = result.structuredContent;
  if (typeof structured === "object" && structured !== null) {
    return { isError, data: structured as Record<string, unknown> };
  }
  const [first] = Array.isArray(result.content) ? (result.content as { text?: string }[]) : [];
  return { isError, data: JSON.parse(first?.text ?? "{}") as Record<string, unknown> };
}
