import http from "node:http";

/** Target and identity of the sessions. */
export interface Door {
  port: number;
  path: string;
  /** The host name that the clients connect to. */
  host: string;
  token: string;
  /** Connections for messages; each stream has its own connection. */
  messages: http.Agent;
}

/** One client with an open session, most with an open GET stream. */
export interface OpenSession {
  /** Calls the echo tool once. Throws when the answer is not the expected one. */
  call(): Promise<void>;
  /** Whether the stream is still open. */
  isListening(): boolean;
  /** Time of the stream's latest announcement of a changed tool list, as `performance.now()`; 0 for never. */
  toldAt(): number;
  close(): void;
}

const REVISION = "2025-11-25";
const TOOLS_CHANGED = "notifications/tools/list_changed";
let calls = 0;

/** Opens a session as a client does: initialize, initialized, and its GET stream if it has one. */
export async function openSession(door: Door, listens: boolean): Promise<OpenSession> {
  const headers: Record<string, string> = {
    host: door.host,
    authorization: `Bearer ${door.token}`,
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "mcp-protocol-version": REVISION,
  };
  const post = (message: object) =>
    exchange(door, { method: "POST", headers, agent: door.messages }, { jsonrpc: "2.0", ...message });
  const clientInfo = { name: "bench", version: "1" };
  const params = { protocolVersion: REVISION, capabilities: {}, clientInfo };
  const opened = await post({ id: 0, method: "initialize", params });
  const session = opened.headers["mcp-session-id"];
  if (opened.status !== 200 || typeof session !== "string") throw new Error(`initialize: ${opened.body}`);
  headers["mcp-session-id"] = session;
  await post({ method: "notifications/initialized" });
  const stream = listens ? await listen(door, { ...headers, accept: "text/event-stream" }) : undefined;
  let listening = listens;
  stream?.once("close", () => {
    listening = false;
  });
  stream?.on("error", () => {});
  let toldAt = 0;
  stream?.on("data", (part: Buffer) => {
    if (part.includes(TOOLS_CHANGED)) toldAt = performance.now();
  });
  return {
    async call() {
      calls += 1;
      const text = `call ${calls}`;
      const answer = await post({
        id: calls,
        method: "tools/call",
        params: { name: "bench_echo", arguments: { text } },
      });
      if (answer.status !== 200 || !answer.body.includes(`"structuredContent":{"text":"${text}"}`)) {
        throw new Error(`tools/call was answered with ${answer.status}: ${answer.body.slice(0, 500)}`);
      }
    },
    isListening: () => listening,
    toldAt: () => toldAt,
    close: () => void stream?.destroy(),
  };
}

function listen(door: Door, headers: Record<string, string>): Promise<http.IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  const request = http.request({ ...placeOf(door), method: "GET", headers, agent: false }, (response) => {
    if (response.statusCode === 200) resolve(response);
    else reject(new Error(`The stream was answered with ${response.statusCode}.`));
  });
  request.on("error", reject);
  request.end();
  return promise;
}

function exchange(
  door: Door,
  options: http.RequestOptions,
  message: object,
): Promise<{ status: number; headers: http.IncomingHttpHeaders; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<typeof exchange>>>();
  const request = http.request({ ...placeOf(door), ...options }, (response) => {
    let body = "";
    response.setEncoding("utf8");
    response.on("data", (part: string) => {
      body += part;
    });
    response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    response.on("error", reject);
  });
  request.on("error", reject);
  request.end(JSON.stringify(message));
  return promise;
}

function placeOf({ port, path }: Door): http.RequestOptions {
  return { host: "127.0.0.1", port, path };
}
