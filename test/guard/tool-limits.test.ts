import { evictAllDurableObjects } from "cloudflare:test";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { publish } from "../support/publish.ts";
import { LANES, openSession, type TestSession } from "../support/session.ts";

const LIMIT = 7;
const passTime = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1000);

/** Five concurrent calls of each user. Returns how many passed. */
async function passAtOnce(sessions: readonly TestSession[], tool: string): Promise<number> {
  const calls = sessions.flatMap((session) => Array.from({ length: 5 }, () => session.call(tool)));
  const answers = await Promise.all(calls);
  for (const { error } of answers.filter(({ isError }) => isError)) {
    expect(error).toMatchObject({
      code: "rate_limited",
      message: `All people together may call this tool ${LIMIT} times a minute.`,
      retry_after: expect.toSatisfy((seconds) => Number.isInteger(seconds) && seconds > 0 && seconds <= 60),
    });
  }
  return answers.filter(({ isError }) => !isError).length;
}

// Once: another useFakeTimers would reset the clock.
beforeAll(() => void vi.useFakeTimers({ toFake: ["Date"] }));

describe.each(LANES)("the limit of a tool for all users, on the %s lane", (lane) => {
  it("lets N of 50 calls of different users through, before and after an eviction, and again a minute later", async () => {
    await publish((document) => {
      document.tool_limits = { context_get: { calls_per_minute: LIMIT } };
    });
    passTime(90);
    const names = Array.from({ length: 10 }, (_, index) => `${lane}${index}`);
    const sessions = await Promise.all(
      names.map((as) => openSession({ server: "crm", lane, as, role: "viewer" })),
    );
    expect(await passAtOnce(sessions.slice(0, 1), "context_get")).toBe(5);
    expect(await passAtOnce(sessions, "context_get")).toBe(LIMIT - 5);
    await evictAllDurableObjects();
    expect(await passAtOnce(sessions, "context_get")).toBe(0);
    // Another tool is not limited.
    expect((await sessions[0]?.call("crm_list_deals"))?.isError).toBe(false);
    passTime(60);
    expect(await passAtOnce(sessions, "context_get")).toBe(LIMIT);
  }, 60_000);
});
