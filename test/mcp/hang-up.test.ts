import { beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { defineTool } from "../../shared/server/define.ts";
import { analytics } from "../../workers/analytics/server.ts";
import { awaitEvents } from "../audit/trail.ts";
import { openSession } from "../support/session.ts";

/** State of the one call of a test tool. Polled, because the call runs in another object's context. */
let call: { begun: boolean; stopped: unknown };

beforeEach(() => {
  call = { begun: false, stopped: null };
});

const begun = () => expect.poll(() => call.begun).toBe(true);
const cancelled = () => expect.poll(() => call.stopped).toMatchObject({ code: "cancelled" });

const wait = defineTool({
  name: "analytics_wait",
  title: "Wait",
  description: "Answers only once it is told to stop.",
  effect: "read",
  scope: "analytics:read",
  input: z.object({}),
  output: z.object({}),
  async run(_input, { signal }) {
    call.begun = true;
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    call.stopped = signal.reason;
    return {};
  },
});

// Before the first request: adds one tool.
(analytics.tools as unknown[]).push(wait);

describe("a client of the stateless generation that hangs up", () => {
  it("ends the call, which is recorded as cancelled", async () => {
    const session = await openSession({ server: "analytics", lane: "stateless", as: "hanger" });
    const controller = new AbortController();
    const answer = session.send("tools/call", { name: wait.name, arguments: {} }, controller.signal);
    await begun();
    controller.abort();
    await expect(answer).rejects.toThrow();
    await cancelled();
    const [, outcome] = await awaitEvents("user_hanger", 2);
    expect(outcome).toMatchObject({ type: "outcome", error: "cancelled" });
  });
});

describe("a client of the sessionful generation that cancels", () => {
  it("ends the call, which is recorded as cancelled, and its POST, which gets no answer", async () => {
    const session = await openSession({ server: "analytics", lane: "sessionful", as: "canceller" });
    const answer = session.send("tools/call", { name: wait.name, arguments: {} });
    await begun();
    // `initialize` was the first request, this call the second.
    await session.post({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 2 } });
    await cancelled();
    expect(await answer.then(async (response) => [response.status, await response.text()])).toEqual([
      202,
      "",
    ]);
    const [, outcome] = await awaitEvents("user_canceller", 2);
    expect(outcome).toMatchObject({ type: "outcome", error: "cancelled" });
  });
});
