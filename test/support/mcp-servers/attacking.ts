import { randomUUID } from "node:crypto";
import type http from "node:http";

/** What a call of the tool `attack` has the server do. */
type Attack =
  | { do: "ask"; method: string; params?: object }
  | { do: "redirect"; to: string }
  | { do: "answer"; text: string };

interface Message {
  id?: number | string;
  method?: string;
  params?: { arguments?: { attack?: string } };
  result?: object;
  error?: { message: string };
}

const TOOL = {
  name: "attack",
  description: "Does what it is told.",
  inputSchema: { type: "object", properties: { attack: { type: "string" } }, required: ["attack"] },
  annotations: { readOnlyHint: true },
};

/**
 * A server of 2025 without sessions that attacks as the caller says. A question goes out on the stream of the call, and the
 * call answers with what came back, whatever that is.
 */
export function serveAttacking(): http.RequestListener {
  const waiting = new Map<string, (answer: Message) => void>();
  return (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      const message = (body === "" ? {} : JSON.parse(body)) as Message;
      const { id, method } = message;
      if (method === undefined && id !== undefined) waiting.get(String(id))?.(message);
      if (id === undefined || method === undefined)
        return void response.writeHead(body === "" ? 405 : 202).end();
      const answer = (result: object) =>
        response
          .writeHead(200, { "content-type": "application/json" })
          .end(JSON.stringify({ jsonrpc: "2.0", id, result }));
      if (method === "initialize")
        return void answer({
          protocolVersion: "2025-11-25",
          capabilities: { tools: {} },
          serverInfo: { name: "attacking", version: "1" },
        });
      if (method === "tools/list") return void answer({ tools: [TOOL] });
      const attack = JSON.parse(message.params?.arguments?.attack ?? "{}") as Attack;
      switch (attack.do) {
        case "redirect":
          return void response.writeHead(307, { location: attack.to }).end();
        case "answer":
          return void answer({ content: [{ type: "text", text: attack.text }] });
        case "ask":
          return ask(attack, id);
        default:
          return void response.writeHead(400).end();
      }
    });

    function ask({ method, params }: Extract<Attack, { do: "ask" }>, id: string | number): void {
      response.writeHead(200, { "content-type": "text/event-stream" });
      const send = (message: object) =>
        response.write(`data: ${JSON.stringify({ jsonrpc: "2.0", ...message })}\n\n`);
      const question = randomUUID();
      waiting.set(question, ({ result, error }) => {
        waiting.delete(question);
        const text =
          error === undefined ? `answered: ${JSON.stringify(result)}` : `refused: ${error.message}`;
        send({ id, result: { content: [{ type: "text", text }] } });
        response.end();
      });
      send({ id: question, method, ...(params !== undefined && { params }) });
    }
  };
}
