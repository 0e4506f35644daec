import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { eventsOf } from "../audit/trail.ts";
import { createPerson, PASSWORD, signIn, TestBrowser, type TestPerson } from "../support/oauth.ts";
import { enrol, PLACE } from "../support/second-factor.ts";
import { showCode } from "../support/totp.ts";

/** Enters the password in a new browser. */
async function givePassword(person: TestPerson, next?: string) {
  const browser = new TestBrowser();
  const fields = { email: person.email, password: PASSWORD, ...(next !== undefined && { next }) };
  const location = (await browser.post("/sign-in", fields)).headers.get("Location");
  return { browser, location };
}

const isSignedIn = async (browser: TestBrowser) => (await browser.get("/account")).status === 200;

async function enrolled(role = "viewer") {
  const person = await createPerson(role);
  const browser = await signIn(person);
  return { person, browser, ...(await enrol(browser)) };
}

describe("setting up a second factor", () => {
  it("shows the secret as text and picture, is active once a code confirms it, and shows ten backup codes once", async () => {
    const person = await createPerson("viewer");
    const browser = await signIn(person);
    const elsewhere = await signIn(person);
    const { page, codes, secret } = await enrol(browser);
    expect(page).toContain('<svg class="qr"');
    expect(page).toContain(`secret=${secret.replaceAll(" ", "")}`);
    expect(new Set(codes).size).toBe(10);
    expect(await (await browser.get(PLACE)).text()).not.toContain(codes[0]);
    expect(await isSignedIn(browser)).toBe(true);
    expect(await isSignedIn(elsewhere), "signed in with a password only").toBe(false);
  });

  it("shows the secret, and accepts a code, only in the browser session that gave the password", async () => {
    const person = await createPerson("viewer");
    const [browser, elsewhere] = [await signIn(person), await signIn(person)];
    const secretOn = async (page: TestBrowser) =>
      /<pre class="secret"[^>]*>([^<]+)<\/pre>/.exec(await (await page.get(PLACE)).text())?.[1]?.trim();
    await browser.post(`${PLACE}/start`, { password: PASSWORD });
    const secret = (await secretOn(browser)) ?? "";
    expect(secret).toMatch(/^[A-Z2-7 ]{20,}$/);
    expect(await secretOn(elsewhere)).toBeUndefined();
    const code = await showCode(secret);
    const confirmed = await elsewhere.post(`${PLACE}/confirm`, { code });
    expect(confirmed.headers.get("Location")).toContain(PLACE);
    expect((await givePassword(person)).location, "it does not count").toBe("/account");

    await elsewhere.post(`${PLACE}/start`, { password: PASSWORD });
    const other = await secretOn(elsewhere);
    expect(other).toMatch(/^[A-Z2-7 ]{20,}$/);
    expect(other).not.toBe(secret);
    expect(await secretOn(browser)).toBeUndefined();
  });

  it("does not show a secret whose session an earlier release did not record", async () => {
    const person = await createPerson("viewer");
    const browser = await signIn(person);
    await browser.post(`${PLACE}/start`, { password: PASSWORD });
    await env.PLATFORM_DB.prepare(`UPDATE "twoFactor" SET "startedIn" = NULL`).run();
    expect(await (await browser.get(PLACE)).text()).not.toContain('class="secret"');
    expect((await enrol(browser)).codes).toHaveLength(10);
  });

  it("is inactive before a code has confirmed it", async () => {
    const person = await createPerson("viewer");
    const browser = await signIn(person);
    await browser.post(`${PLACE}/start`, { password: PASSWORD });
    expect((await browser.post(`${PLACE}/confirm`, { code: "abcdef" })).status).toBe(422);
    expect((await givePassword(person)).location).toBe("/account");
  });

  it("asks for the password, and keeps secret and codes encrypted", async () => {
    const person = await createPerson("viewer");
    const browser = await signIn(person);
    expect((await browser.post(`${PLACE}/start`, { password: "wrong" })).status).toBe(422);
    expect(await (await browser.get(PLACE)).text()).not.toContain('class="secret"');
    const { codes, secret } = await enrol(browser);
    const row = await env.PLATFORM_DB.prepare(`SELECT * FROM "twoFactor" WHERE "userId" = ?`)
      .bind(person.id)
      .first<{ secret: string; backupCodes: string }>();
    expect(row?.secret).toMatch(/^\$ba\$\d+\$[0-9a-f]{80,}$/);
    expect(row?.backupCodes).toMatch(/^\$ba\$\d+\$[0-9a-f]{80,}$/);
    expect(JSON.stringify(row)).not.toContain(codes[0]);
    expect(JSON.stringify(row)).not.toContain(secret.replaceAll(" ", ""));
  });

  it("belongs to one user: no other user's page shows it and no other user's code counts", async () => {
    const { secret } = await enrolled();
    const other = await enrolled();
    expect(other.secret).not.toBe(secret);
    const { browser } = await givePassword(other.person);
    expect((await browser.post("/sign-in/code", { code: await showCode(secret, 1) })).status).toBe(422);
    expect(await isSignedIn(browser)).toBe(false);
  });
});

describe("signing in with a second factor", () => {
  it("gives no access with the password alone, and continues to the requested page after the code", async () => {
    const { person, secret } = await enrolled();
    const { browser, location } = await givePassword(person, "/approvals");
    expect(location).toBe("/sign-in/code?next=%2Fapprovals");
    expect(await isSignedIn(browser)).toBe(false);
    const answer = await browser.post("/sign-in/code", {
      code: await showCode(secret, 1),
      next: "/approvals",
    });
    expect(answer.headers.get("Location")).toBe("/approvals");
    expect(await isSignedIn(browser)).toBe(true);
  });

  it("accepts each code once, of the app and of the backup list, also from two browsers at the same time", async () => {
    const { person, secret, codes, used } = await enrolled();
    const next = await showCode(secret, 1);
    for (const [code, expected] of [
      [used, [422, 422]],
      [next, [303, 422]],
      [codes[0], [303, 422]],
    ] as const) {
      const browsers = [await givePassword(person), await givePassword(person)];
      const answers = await Promise.all(
        browsers.map(({ browser }) => browser.post("/sign-in/code", { code: code ?? "" })),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual(expected);
    }
  });

  it("stops guessing: after five wrong codes even the right one must wait, from this address", async () => {
    const { person, secret } = await enrolled();
    const { browser } = await givePassword(person);
    const guesses = await Promise.all(
      ["000000", "000001", "000002", "000003", "000004", "000005", "000006"].map((code) =>
        browser.post("/sign-in/code", { code }),
      ),
    );
    expect(guesses.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(2);
    const right = await browser.post("/sign-in/code", { code: await showCode(secret, 1) });
    expect(right.status).toBe(429);
    expect(Number(right.headers.get("Retry-After"))).toBeGreaterThan(0);
    expect(await isSignedIn(browser)).toBe(false);
  });

  it("accepts no code without the password", async () => {
    const { secret } = await enrolled();
    const stranger = new TestBrowser();
    stranger.cookies.set("gatehouse-second-factor", "2fa-guessed.signature");
    const answer = await stranger.post("/sign-in/code", { code: await showCode(secret, 1) });
    expect(answer.headers.get("Location")).toBe("/sign-in?next=%2Faccount");
    expect((await stranger.get("/sign-in/code?next=%2F%2Fevil.example")).headers.get("Location")).toBe(
      "/sign-in?next=%2Faccount",
    );
  });

  it("ends with the account: a user who is disabled between password and code gets no access", async () => {
    const { person, secret } = await enrolled();
    const { browser } = await givePassword(person);
    await env.PLATFORM_DB.prepare(`UPDATE "user" SET "disabled" = 1 WHERE "id" = ?`).bind(person.id).run();
    await browser.post("/sign-in/code", { code: await showCode(secret, 1) });
    expect(await isSignedIn(browser)).toBe(false);
  });
});

describe("a user with a second factor", () => {
  it("turns it off with password and code, and with neither alone", async () => {
    const { person, browser, secret, codes } = await enrolled();
    const right = await showCode(secret, 1);
    const off = (password: string, code: string) => browser.post(`${PLACE}/off`, { password, code });
    expect((await off("wrong", right)).status).toBe(422);
    expect((await off(PASSWORD, "000000")).status).toBe(422);
    expect((await browser.post(`${PLACE}/start`, { password: PASSWORD })).status, "cannot be replaced").toBe(
      303,
    );
    expect((await givePassword(person)).location).toBe("/sign-in/code?next=%2Faccount");
    expect((await off(PASSWORD, codes[3] ?? "")).headers.get("Location")).toContain("second-factor-off");
    expect(await isSignedIn(browser)).toBe(true);
    expect((await givePassword(person)).location).toBe("/account");
  });

  it("makes new backup codes, which replace the old ones", async () => {
    const { person, browser, secret, codes } = await enrolled();
    const answer = await browser.post(`${PLACE}/codes`, {
      password: PASSWORD,
      code: await showCode(secret, 1),
    });
    const fresh = [...(await answer.text()).matchAll(/<li><code>([^<]+)<\/code>/g)].map(
      ([, code]) => code ?? "",
    );
    expect(fresh).toHaveLength(10);
    const enter = async (code: string | undefined) => {
      const { browser: other } = await givePassword(person);
      return (await other.post("/sign-in/code", { code: code ?? "" })).status;
    };
    expect(await enter(codes[0])).toBe(422);
    expect(await enter(fresh[0])).toBe(303);
  });

  it("records each step in the audit trail, without the code", async () => {
    const { person, secret } = await enrolled();
    const { browser } = await givePassword(person);
    await browser.post("/sign-in/code", { code: "000000" });
    const code = await showCode(secret, 1);
    await browser.post("/sign-in/code", { code });
    const events = await eventsOf(person.id);
    expect(events.flatMap((event) => (event.type === "second_factor" ? [event.step] : []))).toEqual([
      "started",
      "passed",
      "enrolled",
      "asked",
      "failed",
      "passed",
    ]);
    expect(events.filter(({ type }) => type === "sign_in")).toHaveLength(2);
    expect(JSON.stringify(events)).not.toContain(code);
  });
});
