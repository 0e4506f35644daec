import { describe, expect, it } from "vitest";
import { ToolError } from "../../shared/call/tool-error.ts";
import { isSpent } from "../../shared/mcp/subscriptions/spent.ts";

describe("the end of what one invocation may ask", () => {
  it.each([
    "D1_ERROR: Too many API requests by single worker invocation.",
    "Too many subrequests by single Worker invocation. To configure this limit, refer to the documentation",
    "Too many subrequests.",
  ])("is recognised by the platform's words, also inside of an error of ours: %s", (text) => {
    expect(isSpent(new Error(text))).toBe(true);
    const inner = new ToolError("unavailable", "The data cannot be read.", { cause: new Error(text) });
    expect(isSpent(inner)).toBe(true);
  });

  it.each([
    new Error("D1_ERROR: no such table: articles"),
    new Error("Too many rows"),
    "Too many subrequests",
    null,
  ])("is not seen in another failure: %s", (failure) => {
    expect(isSpent(failure)).toBe(false);
  });
});
