import { evictAllDurableObjects } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { grantIdOf } from "../../workers/gateway/grant.ts";
import { connect, createPerson } from "../support/oauth.ts";
import { LANES, openSession } from "../support/session.ts";

afterEach(() => vi.useRealTimers());

/** The HTTP status of everything that a client can do with data. */
async function statusesOf(session: Awaited<ReturnType<typeof openSession>>): Promise<number[]> {
  const answers = [
    await session.request("tools/call", { name: "crm_list_tasks", arguments: {} }),
    await session.request("resources/read", { uri: "crm://pipeline" }),
    await session.request("prompts/get", { name: "crm_review_pipeline" }),
  ];
  return answers.map(({ status }) => status);
}

describe("invariant 7: what was revoked is refused on the next call, everywhere", () => {
  it("of several apps on both lanes, exactly the revoked ones, whatever was evicted", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.boolean(), { minLength: 2, maxLength: 4 }),
        fc.boolean(),
        async (cut, evict) => {
          const person = await createPerson("admin");
          const apps = [];
          for (const [index, revoked] of cut.entries()) {
            const app = await connect(person, { resource: "/mcp/crm" });
            const lane = LANES[index % 2] ?? "stateless";
            const session = await openSession({ server: "crm", lane, token: app });
            expect(await statusesOf(session)).toEqual([200, 200, 200]);
            apps.push({ app, session, revoked });
          }
          for (const { app, revoked } of apps) {
            if (revoked) await app.browser.post("/account/revoke", { grant: grantIdOf(app.accessToken) });
          }
          if (evict) await evictAllDurableObjects();
          for (const { session, revoked } of apps) {
            expect(await statusesOf(session)).toEqual(revoked ? [401, 401, 401] : [200, 200, 200]);
          }
        },
      ),
      { numRuns: 3 },
    );
  }, 60_000);

  it.each(LANES)(
    "a person who was disabled, 30 seconds later at the latest, on the %s lane",
    async (lane) => {
      const person = await createPerson("admin");
      const token = await connect(person, { resource: "/mcp/crm" });
      const session = await openSession({ server: "crm", lane, token });
      expect((await session.call("crm_list_tasks")).isError).toBe(false);
      await env.PLATFORM_DB.prepare(`UPDATE "user" SET "disabled" = 1 WHERE "id" = ?`).bind(person.id).run();
      vi.useFakeTimers({ now: Date.now() + 30_000, toFake: ["Date"] });
      expect((await session.request("tools/call", { name: "crm_list_tasks", arguments: {} })).status).toBe(
        401,
      );
    },
  );
});
