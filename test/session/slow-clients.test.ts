// Uses streams and sockets of the Workers runtime.
import "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { PostResponder } from "../../shared/mcp/http/post-responder.ts";
import { streamSocket } from "../../shared/mcp/http/socket-stream.ts";

describe("the stream of a POST", () => {
  const progress = { jsonrpc: "2.0", method: "notifications/progress", params: {} };
  const large = { ...progress, params: { message: "x".repeat(600 * 1024) } };

  it("carries an answer of any size after the data was read", async () => {
    let left = 0;
    const answer = new PostResponder(() => {
      left += 1;
    });
    for (const message of [progress, progress]) answer.write(message, false);
    answer.write({ jsonrpc: "2.0", id: 1, result: { text: "x".repeat(3 * 1024 * 1024) } }, true);
    const text = await (await answer.response).text();
    expect(text.length).toBeGreaterThan(3 * 1024 * 1024);
    expect(left).toBe(0);
  });

  it("treats a client as gone that does not read its data", async () => {
    const gone = Promise.withResolvers<string>();
    const answer = new PostResponder(() => gone.resolve("gone"));
    for (let count = 0; count < 4; count += 1) answer.write(large, false);
    expect(await gone.promise).toBe("gone");
    await expect((await answer.response).text()).rejects.toThrow();
  });
});

describe("a listening stream", () => {
  /** A stream as its client reads it, and the session's end of the socket behind it. */
  function listen(everyMs?: number) {
    const { 0: near, 1: far } = new WebSocketPair();
    const { promise: closed, resolve } = Promise.withResolvers<string>();
    far.addEventListener("close", ({ reason }) => resolve(reason));
    far.accept();
    const response = streamSocket(near, { toEvents: (message) => `data: ${message}\n\n` }, everyMs);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const read = async () => {
      const { value } = await reader.read();
      return value && new TextDecoder().decode(value);
    };
    return { far, closed, read, cancel: () => reader.cancel() };
  }

  it("sends keep-alive comments between its events, and releases its session when its client leaves", async () => {
    const { far, closed, read, cancel } = listen(5);
    expect(await read()).toBe(": keep-alive\n\n");
    far.send("news");
    const seen: (string | undefined)[] = [];
    while (!seen.includes("data: news\n\n")) seen.push(await read());
    expect(new Set([...seen, ": keep-alive\n\n"])).toEqual(new Set([": keep-alive\n\n", "data: news\n\n"]));
    await cancel();
    expect(await closed).toBe("The client has gone");
  });

  it("ends for a client that does not read, after all accepted data", async () => {
    const { far, closed, read } = listen();
    const half = "x".repeat(600 * 1024);
    for (const number of [1, 2, 3, 4]) far.send(`${number} ${half}`);
    expect(await closed).toBe("The client does not read");
    expect((await read())?.slice(0, 8)).toBe("data: 1 ");
    expect((await read())?.slice(0, 8)).toBe("data: 2 ");
    expect(await read()).toBeUndefined();
  });
});
