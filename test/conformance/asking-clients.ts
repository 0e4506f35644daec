import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";

/** The user's response. */
export type PersonsAnswer =
  | { action: "accept"; content?: Record<string, string> }
  | { action: "decline" | "cancel" };

/** An official client whose user can be asked. */
export interface AskingClient {
  /** The text of the tool's answer, or of the error of the call. */
  call(tool: string): Promise<string>;
  /** The questions to the user so far. */
  asked: Record<string, unknown>[];
  close(): Promise<void>;
}

/** Connects an official client of one generation. */
export type ConnectAsking = (
  url: string,
  elicitation: { form?: Record<string, never>; url?: Record<string, never> } | undefined,
  answer: PersonsAnswer,
) => Promise<AskingClient>;

const APP = { name: "test", version: "1" };

/** SDK v1: the server asks while the call runs. */
export const connectSessionful: ConnectAsking = async (url, elicitation, answer) => {
  const capabilities = elicitation === undefined ? {} : { elicitation };
  const client = new Client(APP, { capabilities });
  const asked: Record<string, unknown>[] = [];
  if (elicitation !== undefined) {
    client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
      asked.push(params);
      return answer;
    });
  }
  await client.connect(new StreamableHTTPClientTransport(new URL(url)) as Transport);
  const call = async (name: string) => JSON.stringify((await client.callTool({ name })).content);
  return { asked, call, close: () => client.close() };
};

/** SDK v2: the server answers that it requires input, and the client repeats the call with it. */
export const connectStateless: ConnectAsking = async (url, elicitation, answer) => {
  const capabilities = elicitation === undefined ? {} : { elicitation };
  const client = new ModernClient(APP, { capabilities, versionNegotiation: { mode: { pin: "2026-07-28" } } });
  const asked: Record<string, unknown>[] = [];
  if (elicitation !== undefined) {
    client.setRequestHandler("elicitation/create", ({ params }) => {
      asked.push(params);
      return answer;
    });
  }
  await client.connect(new ModernTransport(new URL(url)));
  const call = (name: string) =>
    client.callTool({ name }).then(
      ({ content }) => JSON.stringify(content),
      (failure: unknown) => String(failure),
    );
  return { asked, call, close: () => client.close() };
};
