import { describe, expect, it } from "vitest";
import { z } from "zod";
import { defineTool } from "../../shared/server/define.ts";
import { analytics } from "../../workers/analytics/server.ts";
import { openSession } from "../support/session.ts";

const routed = defineTool({
  name: "analytics_route",
  title: "Route",
  description: "Says where it was routed to.",
  effect: "read",
  scope: "analytics:read",
  input: z.object({ region: z.string().optional().meta({ "x-mcp-header": "Region" }) }),
  output: z.object({ region: z.string() }),
  run: async ({ region = "nowhere" }) => ({ region }),
});

// Before the first request: adds one tool.
(analytics.tools as unknown[]).push(routed);

/** The response to one call with arguments and optionally the header that repeats them. */
async function call(args: Record<string, unknown>, header?: string) {
  const session = await openSession({ server: "analytics", lane: "stateless" });
  if (header !== undefined) session.headers = { "mcp-param-region": header };
  const params = { name: routed.name, arguments: args };
  const message = { jsonrpc: "2.0", id: "routed", method: "tools/call", params: session.envelop(params) };
  const response = await session.post(message, "tools/call", params);
  return { status: response.status, body: await response.json<ReturnType<typeof JSON.parse>>() };
}

describe("an argument that a header repeats", () => {
  it("is valid when the two agree, and when there is neither", async () => {
    const { body } = await call({ region: "Europe" }, "Europe");
    expect(body.result.structuredContent).toEqual({ region: "Europe" });
    expect((await call({})).body.result.structuredContent).toEqual({ region: "nowhere" });
  });

  // A client with an old list fetches it again and repeats the call, if the error identifies it.
  it.each([
    ["another value", "Asia"],
    ["no header", undefined],
    ["Base64 that is none", "=?base64?!?="],
  ])("is refused with −32020 for %s, under the id of its request", async (_what, header) => {
    const { status, body } = await call({ region: "Europe" }, header);
    expect([status, body.error.code, body.id]).toEqual([400, -32020, "routed"]);
  });
});
