import { evictAllDurableObjects } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { principalGate } from "../../shared/objects/principal-gate.ts";

import type { LimitRules } from "../../shared/policy/limits.ts";
import { awaitEvents, intentOf } from "../audit/trail.ts";
import { DEPLOYED_LIMITS, setLimits, setLimitsOf } from "../support/limits.ts";
import { LANES, openSession, type TestSession } from "../support/session.ts";
import { addPerson } from "../support/token.ts";

let people = 0;

/** A user of one test only, so that limits start unused. */
const nextPerson = () => `person${people++}`;

/** How many of `count` concurrent calls pass; the others must have the rate-limit error. */
async function passAtOnce(session: TestSession, count: number, tool = "context_get"): Promise<number> {
  const args = tool === "analytics_sql" ? { sql: "SELECT 1 AS n" } : {};
  const answers = await Promise.all(Array.from({ length: count }, () => session.call(tool, args)));
  const refused = answers.filter((answer) => answer.isError);
  for (const { error } of refused) expect(error).toMatchObject({ code: "rate_limited" });
  return count - refused.length;
}

beforeEach(() => setLimits({}));

describe.each(LANES)("limits on the %s lane", (lane) => {
  const open = (as: string, server = "analytics") => openSession({ server, lane, as });

  it("let exactly N of 50 calls at once pass, before and after an eviction", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 45 }), fc.integer({ min: 0, max: 45 }), async (n, first) => {
        setLimits({ callsPerClient: n });
        const session = await open(nextPerson());
        const passed = await passAtOnce(session, first);
        expect(passed).toBe(Math.min(n, first));
        await evictAllDurableObjects();
        expect(await passAtOnce(session, 50)).toBe(n - passed);
      }),
      { numRuns: 4 },
    );
  }, 30_000);

  it("let 10 of 50 concurrent calls of a costly tool pass, as deployed, and answer cheap ones", async () => {
    setLimits(DEPLOYED_LIMITS);
    const session = await open(nextPerson());
    expect(await passAtOnce(session, 5, "analytics_sql")).toBe(5);
    expect(await passAtOnce(session, 50, "analytics_sql")).toBe(5);
    const { error } = await session.call("analytics_sql", { sql: "SELECT 1 AS n" });
    expect(error).toMatchObject({
      code: "rate_limited",
      message: "One person may call this tool 10 times a minute.",
      retry_after: expect.toSatisfy((seconds) => Number.isInteger(seconds) && seconds > 0 && seconds <= 60),
      suggested_action: expect.stringContaining("retry_after"),
    });
    expect((await session.call("context_get")).isError).toBe(false);
  });

  it("are not shared by two users", async () => {
    setLimits({ callsPerUser: 3, callsPerClient: 3 });
    const [ada, bob] = [await open(nextPerson()), await open(nextPerson())];
    expect(await passAtOnce(ada, 9)).toBe(3);
    expect(await passAtOnce(bob, 9)).toBe(3);
  });

  it("give two apps of one user a limit each, and one together", async () => {
    setLimits({ callsPerClient: 4, callsPerUser: 6 });
    const person = nextPerson();
    const [claude, cursor] = [await open(person), await open(person)];
    expect(await passAtOnce(claude, 9)).toBe(4);
    expect(await passAtOnce(cursor, 9)).toBe(2);
    expect((await cursor.call("context_get")).error?.message).toContain("All apps of one person");
  });

  it("count resources, prompts and completion like calls, and do not count lists", async () => {
    setLimits({ callsPerClient: 3 });
    const session = await open(nextPerson(), "crm");
    await session.readResource("crm://pipeline");
    await session.getPrompt("crm_review_pipeline");
    const reference = { type: "ref/resource", uri: "crm://deals/{id}" };
    const argument = { name: "id", value: "a" };
    await session.complete(reference, argument);
    const refusals = [
      await session.request("resources/read", { uri: "crm://pipeline" }),
      await session.request("prompts/get", { name: "crm_review_pipeline" }),
      await session.request("completion/complete", { ref: reference, argument }),
    ];
    for (const { error } of refusals) {
      expect(error?.data).toMatchObject({
        error: { code: "rate_limited", retry_after: expect.any(Number) },
      });
    }
    expect((await session.call("context_get")).error).toMatchObject({ code: "rate_limited" });
    expect((await session.listTools()).length).toBeGreaterThan(0);
  });

  it("are those of the user's current role, and not of the role in the token", async () => {
    setLimitsOf("admin", { callsPerClient: 40 });
    setLimitsOf("viewer", { callsPerClient: 2 });
    const name = nextPerson();
    const [demoted, colleague] = [await open(name), await open(nextPerson())];
    expect(await passAtOnce(demoted, 2)).toBe(2);
    await addPerson({ name, role: "viewer" });
    expect(await passAtOnce(demoted, 5)).toBe(0);
    expect(await passAtOnce(colleague, 20)).toBe(20);
    await addPerson({ name, role: "admin" });
    expect(await passAtOnce(demoted, 50)).toBe(38);
  });

  it("leave a record of the refused call", async () => {
    setLimits({ callsPerClient: 1 });
    const person = nextPerson();
    await passAtOnce(await open(person), 3);
    const outcomes = (await awaitEvents(`user_${person}`, 6)).filter((event) => event.type === "outcome");
    expect(outcomes.filter(({ error }) => error === "rate_limited")).toHaveLength(2);
    expect(outcomes).toHaveLength(3);
  });
});

describe("the user's object", () => {
  const gate = async () => {
    const userId = await addPerson({ name: nextPerson(), role: "viewer" });
    const object = principalGate(env, userId);
    const admit = (callId: string, limits: Partial<LimitRules>) => {
      const rules = { ...DEPLOYED_LIMITS, concurrentCalls: 1_000, ...limits };
      return object.admit(
        { ...intentOf(userId, callId), clientId: "app", startedAt: Date.now() },
        { grantId: "grant", tokenId: "token", costlyTool: null, timeoutMs: 20_000, limits: rules },
        [],
      );
    };
    return { object, admit };
  };

  it.each([1, 7, 20, 49, 50, 60])(
    "lets %i of 60 callers at once through when that is the limit",
    async (n) => {
      const { admit } = await gate();
      const admissions = await Promise.all(
        Array.from({ length: 60 }, (_, index) => admit(`call-${index}`, { callsPerUser: n })),
      );
      expect(admissions.filter(({ admitted }) => admitted)).toHaveLength(n);
    },
  );

  it("frees a slot with the outcome, and keeps it over an eviction until then", async () => {
    const { object, admit } = await gate();
    const one = { concurrentCalls: 1 };
    expect(await admit("first", one)).toMatchObject({ admitted: true });
    await evictAllDurableObjects();
    expect(await admit("second", one)).toMatchObject({
      admitted: false,
      refusal: { code: "rate_limited", limit: "concurrentCalls" },
    });
    await object.settle([{ callId: "first", status: "ok", durationMs: 1, bytes: 1 }]);
    expect(await admit("third", one)).toMatchObject({ admitted: true });
  });

  it("refuses a user whom the platform database does not have", async () => {
    const { admit } = await gate();
    await env.PLATFORM_DB.prepare(`DELETE FROM "user"`).run();
    expect(await admit("call", {})).toEqual({ admitted: false, refusal: { code: "access_ended" } });
  });
});
