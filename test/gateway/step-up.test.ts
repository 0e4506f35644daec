import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { allEventsOf } from "../audit/trail.ts";
import { startCall } from "../support/approvals.ts";
import { connect, createPerson, signIn, TestBrowser, type TestPerson } from "../support/oauth.ts";
import { setSecondFactor } from "../support/policy.ts";
import { enrol } from "../support/second-factor.ts";
import { LANES, openSession } from "../support/session.ts";

const CRM = { resource: "/mcp/crm", tick: ["crm:read", "crm:write"] };
const TOOL = "crm_find_contacts";

afterEach(() => setSecondFactor("sales", {}));

/** A person with a second factor whose app was connected before the policy wanted a fresh one. */
async function openScene() {
  const person = await createPerson("sales");
  const connection = await connect(person, CRM);
  const other = await connect(person, CRM);
  const browser = await signIn(person);
  const { codes } = await enrol(browser);
  setSecondFactor("sales", { fresh: { tools: [TOOL], minutes: 30 } });
  return { person, connection, other, browser, codes };
}

/** The path of the page that an error names. */
const pathIn = (text: string) => /\/account\/factor\/[a-p]+/.exec(text)?.[0] ?? "";

const confirm = (browser: TestBrowser, path: string, { id }: TestPerson) =>
  browser.post(path, { subject: id });

const age = (userId: string) =>
  env.PLATFORM_DB.prepare(`UPDATE "session" SET "mfaAt" = ? WHERE "userId" = ?`)
    .bind(Date.now() - 40 * 60_000, userId)
    .run();

describe.each(LANES)(
  "a call that needs a fresh second factor, on the %s lane",
  { timeout: 30_000 },
  (lane) => {
    it("names the page where the person gives it, and runs when it is repeated: for this app alone", async () => {
      const { person, connection, other, browser } = await openScene();
      const session = await openSession({ server: "crm", lane, token: connection });
      const { error } = await session.call(TOOL, { query: "a" });
      expect(error).toMatchObject({
        code: "mfa_required",
        suggested_action: expect.stringContaining("repeat the call"),
      });
      const path = pathIn(error?.message ?? "");
      const page = await (await browser.get(path)).text();
      expect(page).toContain("Confirm a call of Test client");
      expect((await confirm(browser, path, person)).status).toBe(200);
      expect((await session.call(TOOL, { query: "a" })).error).toBeUndefined();
      const second = await openSession({ server: "crm", lane, token: other });
      expect((await second.call(TOOL, { query: "a" })).error?.code).toBe("mfa_required");
      const events = await allEventsOf(person.id);
      expect(events).toContainEqual(expect.objectContaining({ type: "second_factor", step: "lent" }));
    });

    it("asks for the code first when the browser's factor is old, and asks again once the app's is", async () => {
      const { person, connection, browser, codes } = await openScene();
      const session = await openSession({ server: "crm", lane, token: connection });
      const path = pathIn((await session.call(TOOL, { query: "a" })).error?.message ?? "");
      await age(person.id);
      expect((await confirm(browser, path, person)).headers.get("Location")).toMatch(/^\/sign-in\/code/);
      expect((await session.call(TOOL, { query: "a" })).error?.code).toBe("mfa_required");
      await browser.post("/sign-in/code", { code: codes[0] ?? "", with: "backup", next: path });
      await confirm(browser, path, person);
      expect((await session.call(TOOL, { query: "a" })).error).toBeUndefined();
      await env.PLATFORM_DB.prepare("UPDATE fresh_factor SET mfa_at = mfa_at - 31 * 60000 WHERE user_id = ?")
        .bind(person.id)
        .run();
      expect((await session.call(TOOL, { query: "a" })).error?.code).toBe("mfa_required");
    });

    it("is confirmed by no other person, by no changed link, and by no form of another person", async () => {
      const { person, connection, browser } = await openScene();
      const session = await openSession({ server: "crm", lane, token: connection });
      const path = pathIn((await session.call(TOOL, { query: "a" })).error?.message ?? "");
      const mallory = await createPerson("sales");
      const hers = await signIn(mallory);
      await enrol(hers);
      const last = path.endsWith("a") ? "b" : "a";
      for (const tried of [
        hers.get(path),
        confirm(hers, path, mallory),
        confirm(hers, path, person),
        confirm(browser, path, mallory),
        confirm(browser, `${path.slice(0, -1)}${last}`, person),
      ]) {
        expect((await tried).status).toBe(404);
      }
      expect((await new TestBrowser().get(path)).headers.get("Location")).toMatch(/^\/sign-in\?/);
      expect((await session.call(TOOL, { query: "a" })).error?.code).toBe("mfa_required");
    });
  },
);

describe("a client that can open a page for its person", { timeout: 30_000 }, () => {
  const open = async (lane: (typeof LANES)[number]) => {
    const scene = await openScene();
    const capabilities = { elicitation: { url: {} } };
    const session = await openSession({ server: "crm", lane, token: scene.connection, capabilities });
    return { ...scene, session };
  };

  it("has the call wait in place, in a session, and it goes on by itself once the person has confirmed", async () => {
    const { session, person, browser } = await open("sessionful");
    const call = await startCall(session, "waits", TOOL, { query: "a" });
    const question = await call.next();
    expect(question).toMatchObject({ method: "elicitation/create", params: { mode: "url" } });
    await call.reply(question.id, { action: "accept" });
    await confirm(browser, pathIn(question.params.url), person);
    expect(await call.next()).toMatchObject({ method: "notifications/elicitation/complete" });
    expect((await call.answer()).isError).toBeUndefined();
  });

  it("is told what to do when the person declines", async () => {
    const { session } = await open("sessionful");
    const call = await startCall(session, "declined", TOOL, { query: "a" });
    const question = await call.next();
    await call.reply(question.id, { action: "decline" });
    expect(JSON.stringify(await call.answer())).toContain("mfa_required");
  });

  it("continues the same call without a session, after the page; an answer alone changes nothing", async () => {
    const { session, person, browser } = await open("stateless");
    const params = { name: TOOL, arguments: { query: "a" } };
    const { result: asked } = await session.request("tools/call", params);
    expect(asked.resultType).toBe("input_required");
    const path = pathIn(JSON.stringify(asked));
    const declined = {
      inputResponses: { factor_page: { action: "decline" } },
      requestState: asked.requestState,
    };
    const { result: refused } = await session.request("tools/call", { ...params, ...declined });
    expect(JSON.stringify(refused)).toContain("mfa_required");
    const { result: again } = await session.request("tools/call", params);
    await confirm(browser, path, person);
    const accepted = {
      inputResponses: { factor_page: { action: "accept" } },
      requestState: again.requestState,
    };
    const { result } = await session.request("tools/call", { ...params, ...accepted });
    expect(result.isError).toBeUndefined();
    expect(result.resultType).not.toBe("input_required");
  });
});
