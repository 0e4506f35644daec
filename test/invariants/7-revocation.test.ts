import { evictAllDurableObjects } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { nameWhoChanged, setDisabled, setRole } from "../../shared/people/statements.ts";
import { grantIdOf } from "../../workers/gateway/oauth/grant.ts";
import { connect, createPerson } from "../support/oauth.ts";
import { LANES, openSession } from "../support/session.ts";

afterEach(() => vi.useRealTimers());

/** Runs a file of statements as `wrangler d1 execute --file` does: all or nothing. */
async function run(...sql: string[]): Promise<void> {
  const statements = sql.join("\n").split(";\n");
  await env.PLATFORM_DB.batch(statements.map((text) => env.PLATFORM_DB.prepare(text.replace(/;$/, ""))));
}

/** Notifies the Worker of a change, as the command does. Returns the status of the response. */
async function tell(notice: unknown): Promise<number> {
  const body = JSON.stringify(notice);
  const headers = { "content-type": "application/json", "content-length": String(body.length) };
  const url = new URL("/people/changes", env.PUBLIC_URL);
  return (await exports.default.fetch(new Request(url, { method: "POST", headers, body }))).status;
}

async function changeAndTell(email: string, sql: string): Promise<void> {
  const mark = crypto.randomUUID();
  await run(sql, nameWhoChanged(email, "npm run people (tester)", mark));
  expect(await tell({ mark })).toBe(200);
}

/** The HTTP status of every request that a client can make. */
async function statusesOf(session: Awaited<ReturnType<typeof openSession>>): Promise<number[]> {
  const answers = [
    await session.request("tools/call", { name: "crm_list_tasks", arguments: {} }),
    await session.request("resources/read", { uri: "crm://pipeline" }),
    await session.request("prompts/get", { name: "crm_review_pipeline" }),
  ];
  return answers.map(({ status }) => status);
}

describe("invariant 7: a revocation applies to the next call, everywhere", () => {
  it("of several apps on both lanes, exactly the revoked ones are refused, whatever was evicted", async () => {
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
    "a person who was disabled by hand in the database, 30 seconds later at the latest, on the %s lane",
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

  it.each(LANES)(
    "a user whom the people command disabled or gave another role, and no other, on the %s lane",
    async (lane) => {
      const open = async (role: string) => {
        const person = await createPerson(role);
        const token = await connect(person, { resource: "/mcp/crm", tick: ["crm:read", "crm:write"] });
        const session = await openSession({ server: "crm", lane, token });
        expect(await statusesOf(session)).toEqual([200, 200, 200]);
        return { person, session };
      };
      const [gone, changed, neighbour] = [await open("admin"), await open("admin"), await open("admin")];
      const at = "2026-11-01T00:00:00.000Z";
      await changeAndTell(gone.person.email, setDisabled(gone.person.email, true, at));
      await changeAndTell(changed.person.email, setRole(changed.person.email, "viewer", at));
      expect(await statusesOf(gone.session)).toEqual([401, 401, 401]);
      const write = await changed.session.call("crm_create_contact", { first_name: "A", last_name: "B" });
      expect(write.error?.code).toBe("forbidden");
      expect(await statusesOf(changed.session)).toEqual([200, 200, 200]);
      expect(await statusesOf(neighbour.session)).toEqual([200, 200, 200]);
    },
    30_000,
  );

  it("a change is processed once for a caller with its mark, and never for a guessed mark", async () => {
    const person = await createPerson("admin");
    const mark = crypto.randomUUID();
    await run(
      setDisabled(person.email, true, "2026-11-01T00:00:00.000Z"),
      nameWhoChanged(person.email, "x", mark),
    );
    expect(await tell({ mark: crypto.randomUUID() })).toBe(404);
    for (const body of [{}, { mark: null }, { mark: "%" }, { mark: ["' OR 1"] }, "x".repeat(300)]) {
      expect(await tell(body)).toBe(400);
    }
    expect(await tell({ mark })).toBe(200);
    expect(await tell({ mark })).toBe(404);
  });
});
