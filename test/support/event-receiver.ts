import http from "node:http";
import type { AddressInfo } from "node:net";

/** A message as a receiver got it. */
export interface ReceivedMessage {
  headers: Record<string, string>;
  /** As it came, for its signature. */
  text: string;
  /** What the receiver answered; 0 for nothing. */
  answered: number;
}

/** What a receiver does with a message. */
export type ReceiverMode =
  /** Takes it. */
  | "takes"
  /** Any other status. */
  | `${number}`
  /** Gives a wrong challenge back, or one that is no JSON. */
  | "wrong"
  | "plain"
  /** Sends the message on to another place. */
  | "redirects"
  /** Never answers, or byte by byte, or without an end. */
  | "never"
  | "drips"
  | "endless"
  /** Fails the first attempts of each message, up to this number. */
  | `flaky-${number}`;

interface Box {
  mode: ReceiverMode;
  messages: ReceivedMessage[];
  attempts: Map<string, number>;
}

/**
 * Receivers of events, outside of the runtime: `/box/<name>?mode=…` is one, which keeps what it gets. `/seen/<name>`
 * lists that, `/set/<name>?mode=…` changes what it does from then on. Ends with the process, which it does not keep alive.
 */
export async function startReceiver(): Promise<{ origin: string }> {
  const boxes = new Map<string, Box>();
  const boxOf = (name: string, mode: ReceiverMode): Box => {
    const box = boxes.get(name) ?? { mode, messages: [], attempts: new Map() };
    boxes.set(name, box);
    return box;
  };
  const server = http.createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://receiver");
    const [, kind = "", name = ""] = pathname.split("/");
    const mode = (searchParams.get("mode") ?? "takes") as ReceiverMode;
    const box = boxOf(name, mode);
    if (kind === "seen") return void response.end(JSON.stringify(box.messages));
    if (kind === "set") {
      box.mode = mode;
      return void response.end();
    }
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString("utf8");
      const message = { headers: request.headers as Record<string, string>, text, answered: 0 };
      box.messages.push(message);
      response.on("finish", () => {
        message.answered = response.statusCode;
      });
      answer(box, text, String(request.headers["webhook-id"]), response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function answer(box: Box, text: string, id: string, response: http.ServerResponse): void {
  const { mode } = box;
  const { type, challenge } = JSON.parse(text) as { type?: string; challenge?: string };
  const isChallenge = type === "verification";
  const json = { "content-type": "application/json" };
  const take = () =>
    isChallenge
      ? response.writeHead(200, json).end(JSON.stringify({ challenge }))
      : response.writeHead(204).end();
  if (mode === "takes") return void take();
  if (mode === "never") return;
  if (mode === "wrong") return void response.writeHead(200, json).end(JSON.stringify({ challenge: "guess" }));
  if (mode === "plain") return void response.writeHead(200).end(challenge);
  if (mode === "redirects") return void response.writeHead(307, { location: "/box/stolen" }).end();
  if (mode === "drips" || mode === "endless") {
    response.writeHead(200, json);
    const every = mode === "drips" ? 200 : 0;
    const piece = mode === "drips" ? " " : " ".repeat(64 * 1024);
    const timer = setInterval(() => response.write(piece), every);
    return void response.on("close", () => clearInterval(timer));
  }
  const [, most] = /^flaky-(\d+)$/.exec(mode) ?? [];
  if (most === undefined) return void response.writeHead(Number(mode)).end();
  const attempts = box.attempts.get(id) ?? 0;
  box.attempts.set(id, attempts + 1);
  if (isChallenge || attempts >= Number(most)) return void take();
  response.writeHead(503).end();
}
