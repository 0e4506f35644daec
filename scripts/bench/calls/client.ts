import http from "node:http";
import type { Generation } from "../../demo/session.ts";

/** Target and identity of a client's calls. */
export interface Target {
  port: number;
  /** The host name that the client connects to. */
  host: string;
  path: string;
  tool: string;
  /** `null` for a server without a guard. */
  token: string | null;
  /** Arguments of each call. Default: a text that the tool answers. */
  arguments?: Readonly<Record<string, unknown>>;
  /** Milliseconds that the tool works before it answers the text. */
  workMs?: number;
}

/** A client on one connection: each call calls the tool once and throws on an unexpected answer. */
export interface Client {
  call(): Promise<void>;
  close(): void;
}

interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
}

const REVISIONS: Readonly<Record<Generation, string>> = { sessionful: "2025-11-25", stateless: "2026-07-28" };
const ENVELOPE = {
  "io.modelcontextprotocol/protocolVersion": REVISIONS.stateless,
  "io.modelcontextprotocol/clientInfo": { name: "bench", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": {},
};

/** Connects a client of one generation; a sessionful one opens its session. */
export async function connectClient(generation: Generation, target: Target): Promise<Client> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const { token, tool } = target;
  const headers: Record<string, string> = {
    host: target.host,
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "mcp-protocol-version": REVISIONS[generation],
    ...(token !== null && { authorization: `Bearer ${token}` }),
    ...(generation === "stateless" && { "mcp-method": "tools/call", "mcp-name": tool }),
  };
  const post = (message: object) =>
    send(target, agent, headers, JSON.stringify({ jsonrpc: "2.0", ...message }));
  if (generation === "sessionful") {
    const clientInfo = { name: "bench", version: "1" };
    const params = { protocolVersion: REVISIONS.sessionful, capabilities: {}, clientInfo };
    const opened = await post({ id: 0, method: "initialize", params });
    const session = opened.headers["mcp-session-id"];
    if (opened.status !== 200 || typeof session !== "string") throw new Error(describe("initialize", opened));
    headers["mcp-session-id"] = session;
    await post({ method: "notifications/initialized" });
  }
  let id = 0;
  const own = target.workMs === undefined ? {} : { work_ms: target.workMs };
  return {
    async call() {
      id += 1;
      const text = `call ${id}`;
      const meta = generation === "stateless" ? { _meta: ENVELOPE } : {};
      const params = { name: tool, arguments: target.arguments ?? { text, ...own }, ...meta };
      const answer = await post({ id, method: "tools/call", params });
      const expected = `"structuredContent":{${target.arguments === undefined ? `"text":"${text}"}` : ""}`;
      if (
        answer.status !== 200 ||
        !answer.body.includes(expected) ||
        answer.body.includes('"isError":true')
      ) {
        throw new Error(describe("tools/call", answer));
      }
    },
    close: () => agent.destroy(),
  };
}

function describe(method: string, { status, body }: Answer): string {
  return `${method} was answered with ${status}: ${body.slice(0, 500)}`;
}

function send(
  { port, path }: Target,
  agent: http.Agent,
  headers: Record<string, string>,
  body: string,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const request = http.request(
    { host: "127.0.0.1", port, path, method: "POST", agent, headers },
    (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
      });
      response.on("error", reject);
    },
  );
  request.on("error", reject);
  request.end(body);
  return promise;
}
