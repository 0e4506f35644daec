import { describe, expect, it } from "vitest";
import { ToolError } from "../../shared/call/tool-error.ts";
import type { JsonValue } from "../../shared/encoding/json.ts";
import { RefusedRequest } from "../../workers/connections/connector.ts";
import { readToolResult } from "../../workers/connections/mcp/answer.ts";
import { passOn } from "../../workers/connections/mcp/pass-on.ts";

const ENTRY = { title: "Things", limits: { bytes: 1_000 } };
const DEEP = JSON.parse(`${"[".repeat(80)}${"]".repeat(80)}`);
const MADE = /The call was made: do not repeat it\.$/;

const same = (value: JsonValue) => value;

function refusal(work: () => unknown) {
  try {
    work();
  } catch (failure) {
    if (failure instanceof RefusedRequest) return failure.failure;
    if (failure instanceof ToolError)
      return { ...failure, message: failure.message, action: failure.suggestedAction };
    throw failure;
  }
  return null;
}

describe("An answer that cannot be passed on", () => {
  it.each([
    [
      "is too deep",
      { content: [], structuredContent: { a: DEEP } },
      "unavailable",
      /^The server answers with values/,
    ],
    [
      "is too large",
      { content: [{ type: "text", text: "x".repeat(2_000) }] },
      "result_too_large",
      /^Things answers with \d+/,
    ],
  ])(
    "because it %s says that the call was made, where it may not be repeated",
    (_case, value, code, message) => {
      const change = refusal(() => passOn(value, { entry: ENTRY, isRepeatable: false, conceal: same }));
      expect(change).toMatchObject({ code, message: expect.stringMatching(message) });
      expect(change?.message).toMatch(MADE);
      expect(change?.action).toBe("Look at the data in the other system.");
      const read = refusal(() => passOn(value, { entry: ENTRY, isRepeatable: true, conceal: same }));
      expect(read).toMatchObject({ code, message: expect.stringMatching(message) });
      expect(read?.message).not.toMatch(MADE);
      expect(read?.action).toBeUndefined();
    },
  );

  it("because it is no result says so, too", () => {
    const place = { connection: "things", title: "Things" };
    const value = { content: [{ type: "hologram" }] };
    const change = refusal(() => readToolResult({ ...place, isRepeatable: false }, value));
    expect(change).toMatchObject({ code: "unavailable", action: "Look at the data in the other system." });
    expect(change?.message).toMatch(MADE);
    expect(refusal(() => readToolResult({ ...place, isRepeatable: true }, value))?.message).not.toMatch(MADE);
  });
});

it("An answer is passed on as JSON, concealed before it is measured", () => {
  const value = { content: [{ type: "text", text: "x".repeat(2_000), title: undefined }] };
  const conceal = () => ({ content: [] });
  expect(passOn(value, { entry: ENTRY, isRepeatable: false, conceal })).toEqual({ content: [] });
});
