import { describe, expect, it } from "vitest";
import { boundSilence, MOST_SILENT_BYTES } from "../../workers/connections/mcp/event-stream.ts";

const encoder = new TextEncoder();

/** Reads a stream whose bytes come in these pieces. */
function read(pieces: readonly string[]): Promise<string> {
  const source = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(encoder.encode(piece));
      controller.close();
    },
  });
  return new Response(boundSilence(source, "The server")).text();
}

/** The text in pieces of so many characters. */
const cut = (text: string, length: number): string[] =>
  Array.from({ length: Math.ceil(text.length / length) }, (_, index) =>
    text.slice(index * length, (index + 1) * length),
  );

describe("the stream of an answer", () => {
  it.each(["\n", "\r\n", "\r"])(
    "passes events and comments on unchanged, with lines that end in %j",
    async (end) => {
      const text = [
        ": wait",
        "",
        "event: message",
        "data: {}",
        "",
        ":",
        "id: 1",
        "retry: 5",
        "data: :",
        "",
        "",
      ].join(end);
      for (const length of [1, 2, 7, text.length]) expect(await read(cut(text, length))).toBe(text);
    },
  );

  it("may hold a comment each second for an hour", async () => {
    const comments = Array.from({ length: 3_600 }, () => ": ping\n\n");
    expect(await read([...comments, "data: {}\n\n"])).toMatch(/data: \{\}\n\n$/);
  });

  it.each([
    ["comments", ": wait\n\n"],
    ["comments with carriage returns", ": wait\r"],
    ["empty lines", "\n"],
    ["fields that are none", "message: {}\n"],
    ["a comment that does not end", ":".repeat(10)],
    ["a field that does not end", "x".repeat(10)],
  ])("ends in one sentence where it holds too much of %s, however it is cut", async (_, nothing) => {
    const text = nothing.repeat(Math.ceil((MOST_SILENT_BYTES + 1) / nothing.length));
    for (const length of [999, 65_536, text.length])
      await expect(read(cut(text, length))).rejects.toThrow(/^The server sends much that is no message\.$/);
  });

  it("counts a message as what it is, whatever its text holds and however it is cut", async () => {
    const message = `data: ${": no comment \\n".repeat(MOST_SILENT_BYTES / 10)}\n\n`;
    for (const length of [999, 65_536])
      expect(await read(cut(message.repeat(2), length))).toBe(message.repeat(2));
  });
});
