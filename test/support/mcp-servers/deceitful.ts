import { gzipSync } from "node:zlib";
import type { Manner } from "./treacherous.ts";

const JSON_TYPE = { "content-type": "application/json" };
const STREAM_TYPE = { "content-type": "text/event-stream" };

const said = (id: unknown, text: string) =>
  JSON.stringify({ jsonrpc: "2.0", id, result: { content: [{ type: "text", text }] } });

/** Bytes of a decoded answer that is small on the wire. */
const BOMB_BYTES = 200_000_000;

/** What a client of the event stream has to resume at once, and without an end. */
export const RESUME = "id: again\nretry: 0\ndata: \n\n";

/** What a deceitful server answers to `tools/call`, by the last part of its path. */
export const DECEIT: Readonly<Record<string, Manner>> = {
  text_id: (response, id) => void response.writeHead(200, JSON_TYPE).end(said(String(id), "by a text")),
  both: (response, id) =>
    void response
      .writeHead(200, JSON_TYPE)
      .end(
        `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"content":[]},"error":{"code":1,"message":"x"}}`,
      ),
  bombs: (response, id) => {
    const body = gzipSync(said(id, "x".repeat(BOMB_BYTES)));
    response.writeHead(200, { ...JSON_TYPE, "content-encoding": "gzip" }).end(body);
  },
  one_line: (response) => {
    response.writeHead(200, STREAM_TYPE).write("data: ");
    const write = () => {
      while (!response.destroyed && response.write("x".repeat(60_000)));
    };
    response.on("drain", write);
    write();
  },
  resumes: (response) => void response.writeHead(200, STREAM_TYPE).end(RESUME),
  pings: (response, id) => {
    response.writeHead(200, STREAM_TYPE);
    for (let ping = 0; ping < 1_000; ping += 1)
      response.write(`data: ${JSON.stringify({ jsonrpc: "2.0", id: `ping-${ping}`, method: "ping" })}\n\n`);
    setTimeout(() => response.end(`data: ${said(id, "pinged")}\n\n`), 3_000).unref();
  },
  backwards: (response, id) => {
    response.writeHead(200, STREAM_TYPE);
    for (const [progress, total] of [
      [5, 10],
      [3, 10],
      [5, 10],
      [50, 10],
      [-1, 10],
      [60, 100],
    ]) {
      const params = { progressToken: id, progress, total };
      response.write(
        `data: ${JSON.stringify({ jsonrpc: "2.0", method: "notifications/progress", params })}\n\n`,
      );
    }
    response.end(`data: ${said(id, "done")}\n\n`);
  },
  odd_type: (response, id) =>
    void response
      .writeHead(200, { "content-type": "application/json; charset=utf-16" })
      .end(said(id, "plain")),
};
