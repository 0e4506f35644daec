import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../audit/trail.ts";
import { authorize, createPerson, PASSWORD, registerClient, TestBrowser } from "../support/oauth.ts";
import { setSecondFactor } from "../support/policy.ts";
import { enrol } from "../support/second-factor.ts";
import {
  begin,
  CORP,
  findPerson,
  GROUP_RULES,
  HOSTILE,
  ISSUER,
  logIn,
  setPerson,
  setSignIn,
  signInWith,
} from "../support/single-sign-on.ts";

const database = env.PLATFORM_DB;

const countPeople = async () =>
  (await database.prepare(`SELECT count(*) AS total FROM "user"`).first<{ total: number }>())?.total;

const account = async (browser: TestBrowser) => (await browser.get("/account")).text();

beforeEach(() => {
  setSignIn({ providers: { corp: CORP } });
  setSecondFactor("sales", {});
});

describe("a first sign-in with an issuer", () => {
  it("makes an account with the role of the first rule that fits, and opens the page that was asked for", async () => {
    const browser = new TestBrowser();
    const response = await signInWith(browser, { login: "ada" }, "next=%2Faccount%2Fkeys");
    expect([response.status, response.headers.get("Location")]).toEqual([303, "/account/keys"]);
    const page = await account(browser);
    expect(page).toContain("Ada Lovelace");
    expect(page).toContain("sales");
    expect(page).not.toContain("Current password");
    expect(await findPerson("ada@corp.example")).toMatchObject({ role: "sales", disabled: 0 });
  });

  it("makes no account for a person whom no rule fits", async () => {
    const before = await countPeople();
    const response = await signInWith(new TestBrowser(), { login: "guest" });
    expect(response.status).toBe(403);
    expect(await response.text()).toContain("no role for you");
    expect(await countPeople()).toBe(before);
  });

  it("makes one account of ten first sign-ins at the same time", async () => {
    await setPerson("many", { email: "many@corp.example", groups: ["gatehouse-sales"] });
    const all = await Promise.all(
      Array.from({ length: 10 }, () => signInWith(new TestBrowser(), { login: "many" })),
    );
    expect(all.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 303));
    const rows = await database.prepare(`SELECT 1 FROM "user" WHERE "email" = 'many@corp.example'`).all();
    expect(rows.results).toHaveLength(1);
  });

  it("asks for a verified address", async () => {
    const response = await signInWith(new TestBrowser(), { login: "unverified" });
    expect(response.status).toBe(403);
    expect(await response.text()).toContain("has not verified your e-mail address");
    expect(await findPerson("victor@corp.example")).toBeNull();
  });

  it("lets a rule go by the domain of a verified address", async () => {
    setSignIn({
      providers: { corp: { ...CORP, roles: [{ role: "viewer", when: { email_domain: ["corp.example"] } }] } },
    });
    await signInWith(new TestBrowser(), { login: "bydomain" });
    expect(await findPerson("bydomain@corp.example")).toMatchObject({ role: "viewer" });
    await setPerson("domainless", { email: "domainless@corp.example", email_verified: false });
    expect((await signInWith(new TestBrowser(), { login: "domainless" })).status).toBe(403);
  });

  it("records who signed in with which provider, and who added the account", async () => {
    await setPerson("noted", { email: "noted@corp.example", groups: ["gatehouse-sales"] });
    await signInWith(new TestBrowser(), { login: "noted" });
    const person = await findPerson("noted@corp.example");
    const added = await database
      .prepare(`SELECT by, done_at FROM admin_request WHERE user_id = ? AND kind = 'person_change'`)
      .bind(person?.id)
      .first<{ by: string; done_at: number | null }>();
    expect(added).toMatchObject({ by: "single sign-on (corp)", done_at: expect.any(Number) });
  });
});

describe("a later sign-in", () => {
  it("follows issuer and subject: a changed address and name, and a role that comes and goes with the groups", async () => {
    await setPerson("eve", { email: "eve@corp.example", name: "Eve", groups: ["gatehouse-sales"] });
    const browser = new TestBrowser();
    await signInWith(browser, { login: "eve" });
    const id = (await findPerson("eve@corp.example"))?.id;
    await setPerson("eve", {
      email: "eve.married@corp.example",
      name: "Eve Married",
      groups: ["gatehouse-admins"],
    });
    await signInWith(new TestBrowser(), { login: "eve" });
    expect(await findPerson("eve.married@corp.example")).toMatchObject({
      id,
      role: "admin",
      name: "Eve Married",
    });
    await setPerson("eve", { email: "eve.married@corp.example", groups: [] });
    expect((await signInWith(new TestBrowser(), { login: "eve" })).status).toBe(403);
    expect(await findPerson("eve.married@corp.example")).toMatchObject({ role: "-" });
    await setPerson("eve", { email: "eve.married@corp.example", groups: ["gatehouse-sales"] });
    expect((await signInWith(new TestBrowser(), { login: "eve" })).status).toBe(303);
    expect(await findPerson("eve.married@corp.example")).toMatchObject({ id, role: "sales" });
  });

  it("keeps the address before when the new one is another person's", async () => {
    const other = await createPerson("viewer");
    await setPerson("mover", { email: "mover@corp.example", groups: ["gatehouse-sales"] });
    await signInWith(new TestBrowser(), { login: "mover" });
    await setPerson("mover", { email: other.email, groups: ["gatehouse-sales"] });
    expect((await signInWith(new TestBrowser(), { login: "mover" })).status).toBe(303);
    expect(await findPerson("mover@corp.example")).not.toBeNull();
    expect(await findPerson(other.email)).toMatchObject({ id: other.id });
  });

  it("does not open the door to a disabled person", async () => {
    await setPerson("gone", { email: "gone@corp.example", groups: ["gatehouse-sales"] });
    await signInWith(new TestBrowser(), { login: "gone" });
    await database.prepare(`UPDATE "user" SET "disabled" = 1 WHERE "email" = 'gone@corp.example'`).run();
    const browser = new TestBrowser();
    expect((await signInWith(browser, { login: "gone" })).status).toBe(403);
    expect((await browser.get("/account")).status).toBe(303);
  });
});

describe("a person who is kept out between the issuer's word and the session", () => {
  it("is refused, and the trail has no sign-in of theirs", async () => {
    await setPerson("raced", { email: "raced@corp.example", groups: ["gatehouse-sales"] });
    await signInWith(new TestBrowser(), { login: "raced" });
    const id = (await findPerson("raced@corp.example"))?.id ?? "";
    const signIns = async () => (await eventsOf(id)).filter(({ type }) => type === "sign_in").length;
    const before = await signIns();
    await database
      .prepare(
        `CREATE TRIGGER keep_out AFTER UPDATE OF last_at ON federated_identity WHEN NEW.user_id = '${id}'
         BEGIN UPDATE "user" SET "disabled" = 1 WHERE "id" = NEW.user_id; END`,
      )
      .run();
    const answer = await signInWith(new TestBrowser(), { login: "raced" });
    await database.prepare("DROP TRIGGER keep_out").run();
    expect(answer.status).toBe(403);
    expect(await answer.text()).toContain("Your account is not active");
    expect(await signIns()).toBe(before);
  });
});

describe("an account that was added by hand", () => {
  it("belongs to the provider of its domain from the first sign-in on, and its password and sessions end", async () => {
    const person = await createPerson("viewer");
    const old = new TestBrowser();
    await old.post("/sign-in", { email: person.email, password: PASSWORD });
    await database
      .prepare(`UPDATE "user" SET "email" = 'hand@corp.example' WHERE "id" = ?`)
      .bind(person.id)
      .run();
    await setPerson("hand", { email: "hand@corp.example", groups: ["gatehouse-sales"] });
    expect((await signInWith(new TestBrowser(), { login: "hand" })).status).toBe(303);
    expect(await findPerson("hand@corp.example")).toMatchObject({ id: person.id, role: "sales" });
    expect((await old.get("/account")).status).toBe(303);
    setSignIn({});
    expect(
      (await new TestBrowser().post("/sign-in", { email: "hand@corp.example", password: PASSWORD })).status,
    ).toBe(401);
  });

  it("is not given to a provider that the address does not belong to", async () => {
    const person = await createPerson("viewer");
    await setPerson("thief", { email: person.email, groups: ["gatehouse-admins"] });
    const response = await signInWith(new TestBrowser(), { login: "thief" });
    expect(response.status).toBe(403);
    expect(await response.text()).toContain("Another account has your e-mail address");
    expect(await findPerson(person.email)).toMatchObject({ id: person.id, role: "viewer" });
  });

  it("stays with its subject when the issuer gives the address to another one", async () => {
    await setPerson("first", { email: "shared@corp.example", groups: ["gatehouse-sales"] });
    await signInWith(new TestBrowser(), { login: "first" });
    await setPerson("second", { email: "shared@corp.example", groups: ["gatehouse-admins"] });
    expect((await signInWith(new TestBrowser(), { login: "second" })).status).toBe(403);
    expect(await findPerson("shared@corp.example")).toMatchObject({ role: "sales" });
  });
});

describe("the second factor", () => {
  const TRUSTED = { ...CORP, mfa: { amr: ["otp"] } };

  it("counts when it was given at an issuer that the policy trusts for it, and from then on", async () => {
    setSignIn({ providers: { corp: TRUSTED } });
    setSecondFactor("sales", { required: true });
    await setPerson("factor", { email: "factor@corp.example", groups: ["gatehouse-sales"] });
    const pending = await authorize(await registerClient());
    const with2 = new TestBrowser();
    await signInWith(with2, { login: "factor", code: true });
    expect((await with2.get(pending.path)).status).toBe(200);
    const with1 = new TestBrowser();
    await signInWith(with1, { login: "factor" });
    expect((await with1.get(pending.path)).headers.get("Location")).toContain("/account/second-factor");
    setSignIn({ providers: { corp: CORP } });
    const untrusted = new TestBrowser();
    await signInWith(untrusted, { login: "factor", code: true });
    expect((await untrusted.get(pending.path)).headers.get("Location")).toContain("/account/second-factor");
  });

  it("is asked here of a person who has one, before there is a session", async () => {
    await setPerson("own", { email: "own@corp.example", groups: ["gatehouse-sales"] });
    const first = new TestBrowser();
    await signInWith(first, { login: "own" });
    const { codes } = await enrol(first);
    expect(codes).toHaveLength(10);
    const browser = new TestBrowser();
    const response = await signInWith(browser, { login: "own" });
    expect(response.headers.get("Location")).toMatch(/^\/sign-in\/code/);
    expect((await browser.get("/account")).status).toBe(303);
    const passed = await browser.post("/sign-in/code", { code: codes[0] ?? "", with: "backup" });
    expect(passed.status).toBe(303);
    expect((await browser.get("/account")).status).toBe(200);
  });

  it("is set up without a password only within 15 minutes of the sign-in", async () => {
    await setPerson("late", { email: "late@corp.example", groups: ["gatehouse-sales"] });
    const browser = new TestBrowser();
    await signInWith(browser, { login: "late" });
    const long = new Date(Date.now() - 16 * 60_000).toISOString();
    await database
      .prepare(
        `UPDATE "session" SET "createdAt" = ? WHERE "userId" = (SELECT "id" FROM "user" WHERE "email" = 'late@corp.example')`,
      )
      .bind(long)
      .run();
    const refused = await browser.post("/account/second-factor/start", {});
    expect(refused.status).toBe(422);
    expect(await refused.text()).toContain("Sign in again first");
  });
});

describe("signing in again", () => {
  it("is asked of the person at the issuer, whatever session it has, and then makes a key without a password", async () => {
    await setPerson("keys", { email: "keys@corp.example", groups: ["gatehouse-sales"] });
    const browser = new TestBrowser();
    const cookies = new Map<string, string>();
    await signInWith(browser, { login: "keys" }, undefined, cookies);
    const asked = await browser.get("/account/keys/new");
    // Without its word when it asked last, the issuer's session may be old.
    expect(asked.status).toBe(303);
    const at = await begin(browser, "corp", "next=%2Faccount%2Fkeys%2Fnew&fresh=1");
    expect([at.searchParams.get("max_age"), at.searchParams.get("prompt")]).toEqual(["0", "login"]);
    const response = await browser.get(await logIn(at, { login: "keys" }, cookies));
    expect(response.headers.get("Location")).toBe("/account/keys/new");
    expect((await browser.get("/account/keys/new")).status).toBe(200);
  });
});

describe("the sign-in page", () => {
  it("offers every provider, and sends an address of a domain to its provider without looking at accounts", async () => {
    const page = await (await new TestBrowser().get("/sign-in?next=%2Fapprovals")).text();
    expect(page).toContain("Continue with Corp");
    for (const email of ["ada@corp.example", "nobody@CORP.example"]) {
      const response = await new TestBrowser().post("/sign-in", { email, password: "x", next: "/approvals" });
      expect(response.status).toBe(200);
      expect(response.headers.get("Refresh")).toBe("0; url=/sign-in/with/corp?next=%2Fapprovals");
    }
  });

  it("has no password when the policy refuses them, and refuses one that is sent all the same", async () => {
    setSignIn({ password: "refused", contact: "Grace (grace@corp.example)", providers: { corp: CORP } });
    const page = await (await new TestBrowser().get("/sign-in")).text();
    expect(page).not.toContain('type="password"');
    const person = await createPerson("viewer");
    const browser = new TestBrowser();
    const response = await browser.post("/sign-in", { email: person.email, password: PASSWORD });
    expect(response.status).toBe(403);
    expect((await browser.get("/account")).status).toBe(303);
  });

  it("offers the issuer's own way out after signing out", async () => {
    const browser = new TestBrowser();
    await signInWith(browser, { login: "ada" });
    const page = await (await browser.post("/sign-out", {})).text();
    const url = /href="(http[^"]+)"/.exec(page)?.[1]?.replaceAll("&amp;", "&") ?? "";
    expect(new URL(url).origin).toBe(ISSUER);
    expect(new URL(url).searchParams.get("post_logout_redirect_uri")).toBe(`${env.PUBLIC_URL}/sign-in`);
    expect((await fetch(url)).status).toBe(200);
    expect((await browser.get("/account")).status).toBe(303);
  });
});

describe("an issuer that is away", () => {
  const awayAt = (issuer: string) =>
    setSignIn({ providers: { evil: { ...CORP, issuer, domains: [] }, corp: CORP } });

  it.each([
    ["answers nothing", "http://127.0.0.1:1"],
    ["answers without an end", `${HOSTILE}/endless`],
    ["answers a page", `${HOSTILE}/broken`],
    ["redirects", `${HOSTILE}/redirects`],
    ["calls itself another one", `${HOSTILE}/other`],
  ])("is said to be so when it %s, and leaves the others alone", async (_what, issuer) => {
    awayAt(issuer);
    const browser = new TestBrowser();
    const response = await browser.get("/sign-in/with/evil");
    expect(response.status).toBe(503);
    expect(response.headers.get("Retry-After")).toBe("30");
    expect((await signInWith(browser, { login: "ada" })).status).toBe(303);
  });
});

describe("rules", () => {
  it("are those of the policy in force: an issuer that the policy no longer has opens nothing", async () => {
    const browser = new TestBrowser();
    const back = await logIn(await begin(browser, "corp"), { login: "ada" });
    setSignIn({ providers: { corp: { ...CORP, issuer: `${HOSTILE}/fine`, roles: GROUP_RULES } } });
    expect((await browser.get(back)).status).toBe(400);
    setSignIn({});
    expect((await browser.get("/sign-in/with/corp")).status).toBe(400);
  });
});
