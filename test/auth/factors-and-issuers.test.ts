import { env } from "cloudflare:workers";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { forge } from "../support/hostile-issuer.ts";
import { authorize, registerClient, TestBrowser } from "../support/oauth.ts";
import { setSecondFactor } from "../support/policy.ts";
import { begin, CORP, HOSTILE, setPerson, setSignIn, signInWith } from "../support/single-sign-on.ts";

beforeEach(() => setSignIn({ providers: { corp: CORP } }));
afterAll(() => setSignIn({}));

describe("a person with a passkey alone, of whose factor the issuer says nothing", () => {
  it("gives it here before any page of theirs opens", async () => {
    await setPerson("keyed", { email: "keyed@corp.example", groups: ["gatehouse-admins"] });
    await signInWith(new TestBrowser(), { login: "keyed" });
    await env.PLATFORM_DB.prepare(
      `INSERT INTO passkey (id, user_id, name, public_key, counter, transports, created_at)
       SELECT 'keyed', "id", 'Key', 'x', 0, '[]', 1 FROM "user" WHERE "email" = 'keyed@corp.example'`,
    ).run();
    const browser = new TestBrowser();
    await signInWith(browser, { login: "keyed" });
    for (const page of ["/account", "/connections", "/console/people"]) {
      expect((await browser.get(page)).headers.get("Location")).toMatch(/^\/sign-in\/code\?next=/);
    }
  });
});

describe("an issuer that states the time of a sign-in or leaves it out", () => {
  const FRESH = "next=%2Faccount&fresh=1";
  const secondsAgo = (seconds: number) => ({ auth_time: Math.floor(Date.now() / 1_000) - seconds });

  /** Signs in with these claims. Returns the status of the callback and the browser. */
  async function come(claims: object, { mfa = false, query }: { mfa?: boolean; query?: string } = {}) {
    const roles = [{ role: "sales", when: { groups: ["gatehouse-sales"] } }];
    const issuer = `${HOSTILE}/fine`;
    const evil = { ...CORP, issuer, domains: [], roles, ...(mfa && { mfa: { amr: ["otp"] } }) };
    setSignIn({ providers: { evil } });
    const browser = new TestBrowser();
    const at = await begin(browser, "evil", query);
    const nonce = at.searchParams.get("nonce") ?? "";
    const said = { sub: "timed", email: "timed@evil.example", groups: ["gatehouse-sales"], ...claims };
    const code = forge({ nonce, claims: said });
    const state = at.searchParams.get("state") ?? "";
    const back = await browser.get(`/sign-in/with/evil/callback?${new URLSearchParams({ code, state })}`);
    return { browser, at, status: back.status };
  }

  it("signs another person in without the time, and makes no key with it", async () => {
    const { at, status, browser } = await come({}, { query: FRESH });
    expect([at.searchParams.get("max_age"), at.searchParams.get("prompt")]).toEqual(["0", "login"]);
    expect(status).toBe(303);
    expect((await browser.get("/account")).status).toBe(200);
    const asked = await browser.get("/account/keys/new");
    expect(asked.headers.get("Location")).toMatch(/^\/account\/second-factor/);
  });

  it("counts a trusted factor without the time as given, and never as fresh", async () => {
    const { status, browser } = await come({ amr: ["otp"] }, { mfa: true });
    expect(status).toBe(303);
    const pending = await authorize(await registerClient());
    setSecondFactor("sales", { required: true });
    expect((await browser.get(pending.path)).status).toBe(200);
    setSecondFactor("sales", { fresh: { tools: ["crm_*"], minutes: 30 } });
    expect((await browser.get(pending.path)).headers.get("Location")).toMatch(/^\/account\/second-factor/);
    setSecondFactor("sales", {});
    expect((await browser.get("/account/keys/new")).headers.get("Location")).toMatch(
      /^\/account\/second-factor/,
    );
    expect((await come({ amr: ["pwd"] }, { mfa: true })).status).toBe(303);
  });

  it("is held to the time that it states", async () => {
    expect((await come(secondsAgo(600), { query: FRESH })).status).toBe(400);
    expect((await come(secondsAgo(60), { query: FRESH })).status).toBe(303);
    const factor = { amr: ["otp"] };
    expect((await come({ ...factor, ...secondsAgo(90_000) }, { mfa: true })).status).toBe(400);
    expect((await come({ ...factor, auth_time: "now" }, { mfa: true })).status).toBe(400);
    expect((await come({ ...factor, ...secondsAgo(600) }, { mfa: true })).status).toBe(303);
  });
});
