import { randomUUID, timingSafeEqual } from "node:crypto";
import http from "node:http";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import type { JSONRPCMessage, RequestId } from "@modelcontextprotocol/sdk/types.js";
import { CommandFailure } from "../local/failure.ts";

/** Sessions, each with a process of its own. */
const MOST_SESSIONS = 50;

/** Milliseconds without a message after which a session's process ends. */
const IDLE_MS = 15 * 60_000;

/** What a bridge serves. */
export interface BridgeOptions {
  command: string;
  args: readonly string[];
  port: number;
  /** Bearer token that every request has to carry; `null` for none, on this machine alone. */
  token: string | null;
}

/**
 * Serves an MCP server that speaks over stdio at `http://127.0.0.1:<port>/mcp`, for a connection of kind `mcp`. Each session
 * is a process of its own. Messages pass unchanged; what the server sends while one request runs goes to that
 * request's stream. Listens on the loopback address alone: put a tunnel or a proxy with TLS in front of it.
 */
async function serveBridge({ command, args, port, token }: BridgeOptions): Promise<http.Server> {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const server = http.createServer((request, response) => {
    void answer(request, response).catch(() => {
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  const answer = async (request: http.IncomingMessage, response: http.ServerResponse) => {
    if (!isOwnHost(request)) return void response.writeHead(403).end();
    if (token !== null && !isToken(request, token))
      return void response.writeHead(401, { "www-authenticate": "Bearer" }).end();
    const id = request.headers["mcp-session-id"];
    const known = typeof id === "string" ? sessions.get(id) : undefined;
    if (known) return await known.handleRequest(request, response);
    if (typeof id === "string") return void response.writeHead(404).end();
    if (sessions.size >= MOST_SESSIONS) return void response.writeHead(503, { "retry-after": "5" }).end();
    const transport = await openSession({ command, args }, sessions);
    await transport.handleRequest(request, response);
    // Everything but `initialize` without a session: the transport has refused it, and the process is of no use.
    if (transport.sessionId === undefined) await transport.close();
  };
  await new Promise<void>((resolve, reject) =>
    server.once("error", reject).listen(port, "127.0.0.1", resolve),
  );
  return server;
}

async function openSession(
  { command, args }: Pick<BridgeOptions, "command" | "args">,
  sessions: Map<string, StreamableHTTPServerTransport>,
): Promise<StreamableHTTPServerTransport> {
  const child = new StdioClientTransport({ command, args: [...args], stderr: "inherit" });
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => void sessions.set(id, transport),
  });
  /** Requests of the client without an answer yet, and the tokens of their progress. */
  const running = new Map<RequestId, string | number | undefined>();
  let started: Promise<void> | undefined;
  let idle: NodeJS.Timeout | undefined;
  const stayAwake = () => {
    clearTimeout(idle);
    idle = setTimeout(() => void transport.close(), IDLE_MS).unref();
  };
  transport.onmessage = (message: JSONRPCMessage) => {
    stayAwake();
    if ("method" in message && "id" in message) running.set(message.id, message.params?._meta?.progressToken);
    // The process starts with the first message that the transport accepts.
    started ??= child.start();
    void started.then(() => child.send(message)).catch(() => transport.close());
  };
  child.onmessage = (message) => {
    stayAwake();
    const relatedRequestId = findRequest(message, running);
    if (!("method" in message) && "id" in message && message.id !== undefined) running.delete(message.id);
    void transport.send(message, relatedRequestId === undefined ? {} : { relatedRequestId }).catch(() => {});
  };
  child.onclose = () => void transport.close();
  transport.onclose = () => {
    clearTimeout(idle);
    if (transport.sessionId !== undefined) sessions.delete(transport.sessionId);
    if (started) void child.close();
  };
  await transport.start();
  return transport;
}

/** The request to which a message of the server belongs: by its id, by its progress token, or the only one that runs. */
function findRequest(
  message: JSONRPCMessage,
  running: ReadonlyMap<RequestId, string | number | undefined>,
): RequestId | undefined {
  if (!("method" in message)) return "id" in message ? message.id : undefined;
  const token = message.params?.progressToken;
  const [byToken] = [...running].find(([, own]) => own !== undefined && own === token) ?? [];
  return byToken ?? [...running.keys()].at(-1);
}

/** Against pages that reach this machine by another name (DNS rebinding). */
function isOwnHost({ headers }: http.IncomingMessage): boolean {
  return (
    /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?$/.test(headers.host ?? "") && headers.origin === undefined
  );
}

function isToken({ headers }: http.IncomingMessage, token: string): boolean {
  const [given, wanted] = [Buffer.from(headers.authorization ?? ""), Buffer.from(`Bearer ${token}`)];
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** `bridge`: serves until it is stopped. */
export async function bridge(argv: readonly string[], port: string | undefined): Promise<void> {
  const [command, ...args] = argv;
  const number = Number(port ?? "8099");
  if (command === undefined || !Number.isInteger(number)) {
    throw new CommandFailure(
      "Name the command that starts the server.",
      "npm run connections -- bridge --port 8099 -- npx some-mcp-server",
    );
  }
  const token = process.env.BRIDGE_TOKEN ?? null;
  await serveBridge({ command, args, port: number, token });
  console.log(
    `✓ ${command} is served at http://127.0.0.1:${number}/mcp${token === null ? "" : ", with BRIDGE_TOKEN"}.`,
  );
  console.log("  Name the host in PLAIN_HTTP_UPSTREAMS, or put a tunnel with TLS in front of it.");
}
