import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { awaitEvents } from "../audit/trail.ts";
import {
  authorize,
  type Connection,
  connect,
  createPerson,
  decide,
  exchangeCode,
  openConsent,
  registerClient,
  requestToken,
  signIn,
  type TestBrowser,
} from "../support/oauth.ts";
import { setSecondFactor } from "../support/policy.ts";
import { enrol } from "../support/second-factor.ts";
import { LANES, openSession } from "../support/session.ts";
import { showCode } from "../support/totp.ts";

const CRM = { resource: "/mcp/crm", tick: ["crm:read", "crm:write"] };
const TOOL = "crm_find_contacts";

afterEach(() => setSecondFactor("sales", {}));

/** Connects an app in a signed-in browser, which shows one page only: the consent page. */
async function connectIn(browser: TestBrowser, clientId: string) {
  const pending = await authorize(clientId, CRM);
  const form = await openConsent(browser, pending);
  const answer = await decide(browser, pending, form, "allow", CRM.tick);
  const code = new URL(answer.headers.get("Location") ?? "about:blank").searchParams.get("code") ?? "";
  return await exchangeCode(pending, code);
}

const ageFactor = (userId: string, minutes: number) =>
  env.PLATFORM_DB.prepare(`UPDATE "session" SET "mfaAt" = ? WHERE "userId" = ?`)
    .bind(Date.now() - minutes * 60_000, userId)
    .run();

const refresh = ({ refreshToken, clientId }: Connection) =>
  requestToken({ grant_type: "refresh_token", refresh_token: refreshToken, client_id: clientId });

describe.each(LANES)(
  "a call that needs a fresh second factor, on the %s lane",
  { timeout: 30_000 },
  (lane) => {
    it("is listed, refused with instructions, and continues after following them", async () => {
      const person = await createPerson("sales");
      const connection = await connect(person, CRM);
      setSecondFactor("sales", { fresh: { tools: [TOOL], minutes: 30 } });
      const session = await openSession({ server: "crm", lane, token: connection });
      const names: string[] = (await session.listTools()).map(({ name }: { name: string }) => name);
      expect(names).toContain(TOOL);
      const { error } = await session.call(TOOL, { query: "a" });
      expect(error).toMatchObject({
        code: "mfa_required",
        message: expect.stringContaining("connected without one"),
        suggested_action: expect.stringMatching(/link.*repeat the call/s),
      });
      expect((await session.call("crm_list_deals", {})).isError, "not covered").toBe(false);

      const { secret } = await enrol(connection.browser);
      const { body } = await connectIn(connection.browser, connection.clientId);
      const again = { accessToken: body.access_token, clientId: connection.clientId };
      const renewed = await openSession({ server: "crm", lane, token: again });
      expect((await renewed.call(TOOL, { query: "a" })).isError).toBe(false);

      // An hour later the connection is too old, and connecting again asks for the code first.
      await ageFactor(person.id, 60);
      const pending = await authorize(connection.clientId, CRM);
      const asked = await connection.browser.get(pending.path);
      expect(asked.headers.get("Location")).toBe(`/sign-in/code?next=${encodeURIComponent(pending.path)}`);
      await connection.browser.post("/sign-in/code", { code: await showCode(secret, 1), next: pending.path });
      expect((await connectIn(connection.browser, connection.clientId)).status).toBe(200);
      const denial = (await awaitEvents(person.id, 1)).find(({ type }) => type === "denial");
      expect(denial).toMatchObject({ decision: "mfa", name: TOOL, rule: "roles.worker.conditions.fresh" });
    });
  },
);

describe("a role that requires a second factor", { timeout: 30_000 }, () => {
  it("requires its set-up before an app is connected, and returns to the consent page", async () => {
    const person = await createPerson("sales");
    setSecondFactor("sales", { required: true });
    const browser = await signIn(person);
    const pending = await authorize(await registerClient(), CRM);
    const asked = await browser.get(pending.path);
    const place = `/account/second-factor?next=${encodeURIComponent(pending.path)}`;
    expect(asked.headers.get("Location")).toBe(place);
    expect(await (await browser.get(place)).text()).toContain("Your role asks for a second factor");
    await enrol(browser);
    expect((await connectIn(browser, pending.clientId)).status).toBe(200);
    const off = await browser.get("/account/second-factor");
    expect(await off.text()).toContain("so it stays on");
  });

  it("cannot be bypassed by a form that was open before the policy changed", async () => {
    const browser = await signIn(await createPerson("sales"));
    const pending = await authorize(await registerClient(), CRM);
    const form = await openConsent(browser, pending);
    setSecondFactor("sales", { required: true });
    const answer = await decide(browser, pending, form, "allow", CRM.tick);
    expect(answer.headers.get("Location")).toContain("/account/second-factor?next=");
  });

  it("ends connections made without one: calls at once, tokens at the next refresh", async () => {
    const connection = await connect(await createPerson("sales"), CRM);
    const session = await openSession({ server: "crm", lane: "stateless", token: connection });
    setSecondFactor("sales", { required: true });
    expect((await session.call(TOOL, { query: "a" })).error?.code).toBe("mfa_required");
    const { body } = await refresh(connection);
    expect(body).toMatchObject({
      error: "invalid_grant",
      error_description: expect.stringContaining("second factor"),
    });
  });

  it("keeps a connection made with one over refreshes, with the time of the factor unchanged", async () => {
    const person = await createPerson("sales");
    const browser = await signIn(person);
    await enrol(browser);
    setSecondFactor("sales", { required: true });
    await ageFactor(person.id, 45);
    const clientId = await registerClient();
    const { body } = await connectIn(browser, clientId);
    const renewed = await requestToken({
      grant_type: "refresh_token",
      refresh_token: body.refresh_token,
      client_id: clientId,
    });
    setSecondFactor("sales", { required: true, fresh: { tools: [TOOL], minutes: 30 } });
    const token = { accessToken: renewed.body.access_token, clientId };
    const session = await openSession({ server: "crm", lane: "stateless", token });
    expect((await session.call(TOOL, { query: "a" })).error?.message).toContain("45 minutes old");
  });
});
