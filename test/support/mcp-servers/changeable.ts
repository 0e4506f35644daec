import type http from "node:http";

interface Tool {
  name: string;
}

/**
 * A server of 2025 without sessions: a test sets its tools with PUT, and a call answers with the tool's name and
 * arguments. Every path is a server of its own.
 */
export function serveChangeable(): http.RequestListener {
  const tools = new Map<string, Tool[]>();
  return (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const path = request.url ?? "";
      const text = Buffer.concat(chunks).toString();
      if (request.method === "PUT") {
        tools.set(path, JSON.parse(text) as Tool[]);
        return void response.end();
      }
      const { id, method, params } = (text === "" ? {} : JSON.parse(text)) as {
        id?: number;
        method?: string;
        params?: object;
      };
      if (id === undefined) return void response.writeHead(method === undefined ? 405 : 202).end();
      const results: Record<string, object> = {
        initialize: {
          protocolVersion: "2025-11-25",
          capabilities: { tools: {} },
          serverInfo: { name: "changeable", version: "1" },
        },
        "tools/list": { tools: tools.get(path) ?? [] },
        "tools/call": { content: [{ type: "text", text: JSON.stringify(params) }] },
      };
      const result = results[method ?? ""];
      const error = { code: -32601, message: "Method not found" };
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ jsonrpc: "2.0", id, ...(result ? { result } : { error }) }));
    });
  };
}
