// Its bodies are the streams of the Workers runtime.
import "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { MAX_BODY_BYTES, readMessage } from "../../shared/mcp/http/request-body.ts";

/** A request whose body has a declared length, without any bytes sent yet. */
function announce(bytes: number) {
  let pulled = 0;
  let end = () => {};
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        pulled += 1;
        return new Promise((resolve) => {
          end = () => {
            controller.enqueue(new TextEncoder().encode("{}"));
            controller.close();
            resolve();
          };
        });
      },
    },
    { highWaterMark: 0 },
  );
  const headers = { "content-type": "application/json", "content-length": String(bytes) };
  const request = new Request("https://gatehouse.example.com/mcp", { method: "POST", headers, body });
  return { request, pulled: () => pulled, end: () => end() };
}

describe("a message", () => {
  it("with a declared length over the limit is refused before a byte of it is read", async () => {
    const { request, pulled } = announce(MAX_BODY_BYTES + 1);
    const read = await readMessage(request);
    expect(read.ok || read.response.status).toBe(413);
    expect(pulled()).toBe(0);
  });

  it("that is large waits when eight others are being read, and a small one does not", async () => {
    const others = Array.from({ length: 8 }, () => announce(MAX_BODY_BYTES));
    const readings = others.map(({ request }) => readMessage(request));
    const ninth = await readMessage(announce(MAX_BODY_BYTES).request);
    expect(ninth.ok || [ninth.response.status, ninth.response.headers.get("retry-after")]).toEqual([
      503,
      "2",
    ]);
    const small = announce(2);
    const reading = readMessage(small.request);
    await expect.poll(small.pulled).toBe(1);
    small.end();
    expect((await reading).ok).toBe(true);
    for (const { pulled, end } of others) {
      await expect.poll(pulled).toBe(1);
      end();
    }
    await Promise.all(readings);
    const next = announce(MAX_BODY_BYTES);
    const again = readMessage(next.request);
    await expect.poll(next.pulled).toBe(1);
    next.end();
    expect((await again).ok).toBe(true);
  });
});
