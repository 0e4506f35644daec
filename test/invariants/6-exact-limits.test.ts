import { evictAllDurableObjects } from "cloudflare:test";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { setLimits } from "../support/limits.ts";
import { LANES, openSession, type TestSession } from "../support/session.ts";

afterAll(() => setLimits({}));

let people = 0;

/** Concurrent calls, spread over the sessions, and how many of them passed. */
async function passOf(sessions: readonly TestSession[], calls: number): Promise<number> {
  const answers = await Promise.all(
    Array.from({ length: calls }, (_, index) => sessions[index % sessions.length]?.call("context_get")),
  );
  for (const answer of answers) if (answer?.isError) expect(answer.error?.code).toBe("rate_limited");
  return answers.filter((answer) => answer?.isError === false).length;
}

describe("invariant 6: a limit of N lets exactly N pass", () => {
  it("from 50 parallel calls of five apps on both lanes, before and after every object was evicted", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 50 }), async (n, first) => {
        setLimits({});
        const as = `limit${people++}`;
        const sessions: TestSession[] = [];
        for (const lane of [...LANES, ...LANES, "stateless"] as const) {
          sessions.push(await openSession({ server: "analytics", lane, as }));
        }
        const neighbour = await openSession({ server: "analytics", lane: "stateless", as: `${as}_next` });
        setLimits({ callsPerUser: n });
        const before = await passOf(sessions, first);
        expect(before).toBe(Math.min(n, first));
        await evictAllDurableObjects();
        expect(await passOf(sessions, 50)).toBe(Math.min(50, n - before));
        expect(await passOf([neighbour], 1)).toBe(1);
      }),
      { numRuns: 4 },
    );
  }, 60_000);
});
