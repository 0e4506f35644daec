import { fork } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";

/** The tool that each of the servers has. */
export const TOOL = {
  name: "look",
  description: "Looks something up.",
  inputSchema: { type: "object", properties: { id: { type: "integer" } }, required: ["id"] },
  outputSchema: { type: "object", properties: { name: { type: "string" } }, required: ["name"] },
  annotations: { readOnlyHint: true },
};

/**
 * Starts good and bad MCP servers of the bench in a process of their own: one that never ends its answer would otherwise hold
 * up the bench, which sends the calls and takes their times.
 */
export async function startServers(): Promise<{ host: string; stop(): void }> {
  const child = fork(fileURLToPath(import.meta.url), { stdio: "inherit" });
  const [port] = (await once(child, "message")) as [number];
  return { host: `127.0.0.1:${port}`, stop: () => void child.kill() };
}

/** Servers of 2025 without sessions, at one address; the path says how one answers to a call. */
const serve = () =>
  http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString();
      const { id, method } = (text === "" ? {} : JSON.parse(text)) as { id?: number; method?: string };
      if (id === undefined) return void response.writeHead(method === undefined ? 405 : 202).end();
      const send = (result: object, as: number = id) => {
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify({ jsonrpc: "2.0", id: as, result }));
      };
      if (method === "initialize") {
        const serverInfo = { name: "bench", version: "1" };
        return send({ protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo });
      }
      if (method === "tools/list") return send({ tools: [TOOL] });
      const structuredContent = { name: "a thing with a name and a date" };
      const answer = {
        content: [{ type: "text", text: JSON.stringify(structuredContent) }],
        structuredContent,
      };
      switch ((request.url ?? "").slice(1)) {
        case "hangs":
          return undefined;
        case "drips": {
          response.writeHead(200, { "content-type": "text/event-stream" });
          const timer = setInterval(() => response.write(": wait\n\n"), 200);
          return void response.on("close", () => clearInterval(timer));
        }
        case "refuses":
          return void response.writeHead(503).end();
        case "garbage":
          return void response.writeHead(200, { "content-type": "application/json" }).end("}{");
        case "endless":
          return writeForever(response, "", `: ${"x".repeat(60_000)}\n\n`);
        case "endlessmessage":
          return writeForever(response, "data: ", "x".repeat(60_000));
        case "wrongids":
          return send(answer, 987_654);
        default:
          return send(answer);
      }
    });
  });

function writeForever(response: http.ServerResponse, first: string, again: string): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  const write = () => {
    while (!response.destroyed && response.write(again));
  };
  response.on("drain", write);
  response.write(first);
  write();
}

if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = serve();
  server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
}
