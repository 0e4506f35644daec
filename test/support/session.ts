import { exports } from "cloudflare:workers";
import type { ContentBlock } from "../../shared/call/content.ts";

import type { ErrorBody } from "../../shared/call/tool-error.ts";
import { listServers } from "../../workers/servers.ts";
import { issueToken, mcpUrl } from "./token.ts";

/** Both protocol generations, for `describe.each`. */
export const LANES = ["sessionful", "stateless"] as const;

/** Protocol revision that the tests speak on each lane. */
export const REVISION = { sessionful: "2025-11-25", stateless: "2026-07-28" } as const;

/** What to open a session with. */
export interface SessionOptions {
  /** `""` for the URL of all servers. */
  server: string;
  lane: (typeof LANES)[number];
  /** The user. Default `alice`. */
  as?: string;
  /** Default `admin`. */
  role?: string;
  /** Default: every scope of the URL's servers. */
  scopes?: readonly string[];
  /** Declared capabilities of the client. Default: none. */
  capabilities?: Record<string, unknown>;
  /** Use an existing token instead of a new one. */
  token?: { accessToken: string; clientId: string };
}

/** The answer of one tool call. */
export interface CallAnswer {
  isError: boolean;
  /** The structured content. The test that reads it defines its type. */
  data: ReturnType<typeof JSON.parse>;
  error: ErrorBody["error"] | undefined;
  content: ContentBlock[];
  meta: Record<string, unknown> | undefined;
}

/** A JSON-RPC answer with the HTTP response that brought it. */
export interface RpcAnswer {
  status: number;
  headers: Headers;
  result: ReturnType<typeof JSON.parse>;
  error: { code: number; message: string; data?: unknown } | undefined;
}

/** Opens a session as a client would, over HTTP, with a real token. */
export async function openSession(options: SessionOptions): Promise<TestSession> {
  const { server, as = "alice", role = "admin" } = options;
  const offered = listServers().filter(({ name }) => server === "" || name === server);
  const scopes = options.scopes ?? offered.flatMap((definition) => Object.keys(definition.scopes));
  const token = options.token ?? (await issueToken({ server, name: as, role, scopes }));
  const session = new TestSession(server, options.lane, token);
  session.capabilities = options.capabilities ?? {};
  if (options.lane === "sessionful") await session.initialize();
  return session;
}

/** A test client. Writes JSON-RPC by hand, so that no SDK hides the messages on the wire. */
export class TestSession {
  readonly url: string;
  readonly lane: SessionOptions["lane"];
  token: { accessToken: string; clientId: string };
  sessionId: string | undefined;
  /** Sent with every request, in addition to the protocol's own. */
  headers: Record<string, string> = {};
  /** What Cloudflare says about the connection. */
  cf: Record<string, unknown> = {};
  capabilities: Record<string, unknown> = {};
  #nextId = 1;

  constructor(
    server: string,
    lane: SessionOptions["lane"],
    token: { accessToken: string; clientId: string },
  ) {
    this.url = mcpUrl(server);
    this.lane = lane;
    this.token = token;
  }

  async initialize(): Promise<RpcAnswer> {
    const answer = await this.request("initialize", {
      protocolVersion: REVISION.sessionful,
      capabilities: this.capabilities,
      clientInfo: { name: "test", version: "1" },
    });
    this.sessionId = answer.headers.get("mcp-session-id") ?? undefined;
    await this.post({ jsonrpc: "2.0", method: "notifications/initialized" });
    return answer;
  }

  /** Sends one request and reads its response, from JSON or from the stream. */
  async request(method: string, params: Record<string, unknown> = {}): Promise<RpcAnswer> {
    const id = this.#nextId;
    const response = await this.send(method, params);
    const text = await response.text();
    const messages = response.headers.get("content-type")?.includes("text/event-stream")
      ? text.split("\n").flatMap((line) => (line.startsWith("data: {") ? [JSON.parse(line.slice(6))] : []))
      : [text === "" ? {} : JSON.parse(text)];
    const answer = messages.find((message) => message.id === id) ?? messages.at(-1) ?? {};
    return { status: response.status, headers: response.headers, result: answer.result, error: answer.error };
  }

  /** Sends one request; the response may be an open stream. */
  send(method: string, params: Record<string, unknown> = {}, signal?: AbortSignal): Promise<Response> {
    const id = this.#nextId++;
    const message = { jsonrpc: "2.0", id, method, params: this.envelop(params) };
    return this.post(message, method, params, signal);
  }

  /** Posts a message unchanged. */
  post(
    message: unknown,
    method = "",
    params: Record<string, unknown> = {},
    signal: AbortSignal | null = null,
  ): Promise<Response> {
    const name = params.name ?? params.uri ?? params.taskId;
    return exports.default.fetch(this.url, {
      method: "POST",
      signal,
      cf: this.cf,
      headers: {
        host: new URL(this.url).host,
        authorization: `Bearer ${this.token.accessToken}`,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": REVISION[this.lane],
        ...(this.lane === "stateless" && method !== "" && { "mcp-method": method }),
        ...(this.lane === "stateless" && typeof name === "string" && { "mcp-name": name }),
        ...(this.sessionId !== undefined && { "mcp-session-id": this.sessionId }),
        ...this.headers,
      },
      body: typeof message === "string" || message instanceof Uint8Array ? message : JSON.stringify(message),
    });
  }

  async call(tool: string, args: Record<string, unknown> = {}): Promise<CallAnswer> {
    const { result, error, status } = await this.request("tools/call", { name: tool, arguments: args });
    if (!result) throw new Error(`tools/call ${tool}: ${status} ${JSON.stringify(error)}`);
    const isError = result.isError === true;
    const body = isError ? (JSON.parse(result.content[0].text) as ErrorBody) : undefined;
    const { structuredContent: data, content, _meta: meta } = result;
    return { isError, data, error: body?.error, content, meta };
  }

  async listTools() {
    return (await this.#succeed("tools/list")).tools;
  }

  async listResources() {
    return (await this.#succeed("resources/list")).resources;
  }

  async readResource(uri: string) {
    return (await this.#succeed("resources/read", { uri })).contents;
  }

  async getPrompt(name: string, args: Record<string, string> = {}) {
    return this.#succeed("prompts/get", { name, arguments: args });
  }

  async complete(ref: Record<string, unknown>, argument: { name: string; value: string }) {
    return (await this.#succeed("completion/complete", { ref, argument })).completion;
  }

  async close(): Promise<void> {
    if (this.sessionId === undefined) return;
    await exports.default.fetch(this.url, {
      method: "DELETE",
      headers: {
        host: new URL(this.url).host,
        authorization: `Bearer ${this.token.accessToken}`,
        "mcp-session-id": this.sessionId,
      },
    });
  }

  async #succeed(method: string, params: Record<string, unknown> = {}) {
    const { result, error, status } = await this.request(method, params);
    if (!result) throw new Error(`${method}: ${status} ${JSON.stringify(error)}`);
    return result;
  }

  envelop(params: Record<string, unknown>): Record<string, unknown> {
    if (this.lane === "sessionful") return params;
    const envelope = {
      "io.modelcontextprotocol/protocolVersion": REVISION.stateless,
      "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
      "io.modelcontextprotocol/clientCapabilities": this.capabilities,
    };
    return { ...params, _meta: { ...envelope, ...(params._meta as object | undefined) } };
  }
}
