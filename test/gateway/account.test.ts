import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { deliverAll, intentOf, takenAt, withTrail } from "../audit/trail.ts";
import {
  callMcp,
  connect,
  createPerson,
  PASSWORD,
  registerClient,
  requestToken,
  signIn,
  TestBrowser,
} from "../support/oauth.ts";

const grantsOn = (html: string) =>
  [...html.matchAll(/href="\/account\/apps\/([^"]+)"/g)].map((match) => match[1] ?? "");

describe("the account page", () => {
  it("needs a signed-in person", async () => {
    const browser = new TestBrowser();
    expect((await browser.get("/account")).headers.get("Location")).toBe("/sign-in?next=%2Faccount");
    expect((await browser.post("/account/revoke", { grant: "x" })).status).toBe(303);
    expect((await browser.post("/account/password", { current: "x", new: "y" })).status).toBe(303);
  });

  it("lists each connected app with its server and what it may do in plain words", async () => {
    const person = await createPerson("sales");
    const { browser } = await connect(person, { resource: "/mcp/crm", scope: "crm:read crm:write" });
    const html = await (await browser.get("/account")).text();
    expect(grantsOn(html)).toHaveLength(1);
    expect(html).toContain("Test client");
    expect(html).toContain("Not verified");
    expect(html).toContain("Can change data");
    expect(html).toContain("127.0.0.1");
  });

  it("shows when an app was last used, by this user and no other", async () => {
    const person = await createPerson("viewer");
    const { browser, clientId } = await connect(person, { resource: "/mcp/crm" });
    const record = async (userId: string, day: string) => {
      await withTrail(userId, (trail) =>
        trail.open({ ...intentOf(userId, day), clientId }, Date.parse(day), takenAt(Date.parse(day))),
      );
      await deliverAll(userId);
    };
    await record("somebody-else", "2126-03-09");
    expect(await (await browser.get("/account")).text()).toContain("not used yet");
    await record(person.id, "2126-03-04");
    await record(person.id, "2126-03-07");
    const html = await (await browser.get("/account")).text();
    expect(html).toContain(">2126-03-07 00:00 UTC</time>");
    expect(html).not.toContain("2126-03-09");
  });

  it("shows what each app did lately, finds apps by name, and disconnects all of this person alone", async () => {
    const person = await createPerson("sales");
    const stranger = await connect(await createPerson("sales"), { resource: "/mcp/crm" });
    const first = await connect(person, { resource: "/mcp/crm" });
    const names = ["Desk", "Phone", "Lab"];
    const ids = await Promise.all(names.map((client_name) => registerClient({ client_name })));
    for (const clientId of ids) await connect(person, { resource: "/mcp/crm", clientId }, first.browser);
    const call = async (userId: string, clientId: string | undefined, name: string) => {
      const intent = { ...intentOf(userId, `${userId}-${name}`), clientId: clientId ?? "", name };
      await withTrail(userId, (trail) => trail.open(intent, Date.now(), takenAt(Date.now())));
      await deliverAll(userId);
    };
    await call(person.id, ids[0], "crm_list_deals");
    await call("somebody", ids[1], "crm_delete_contact");
    const html = await (await first.browser.get("/account")).text();
    expect(html).toContain("<code>crm_list_deals</code>");
    expect(html).not.toContain("crm_delete_contact");
    const found = await (await first.browser.get("/account?q=%20pHoNe")).text();
    expect(grantsOn(found)).toHaveLength(1);
    expect(await (await first.browser.get('/account?q="><script>')).text()).toContain("No app fits.");
    expect((await first.browser.post("/account/revoke", { all: "yes" })).headers.get("Location")).toBe(
      "/account?done=all-revoked",
    );
    expect((await callMcp("/mcp/crm", first.accessToken)).status).toBe(401);
    expect((await callMcp("/mcp/crm", stranger.accessToken)).status).toBe(200);
    expect(await (await first.browser.get("/account")).text()).toContain("No app is connected");
  });

  it("stays one that a person can use with 60 apps: pages, a search over all, machines apart, one end or all", async () => {
    const person = await createPerson("viewer");
    const desk = await registerClient({ client_name: "Desk" });
    const first = await connect(person, { resource: "/mcp/crm", clientId: desk });
    for (let number = 1; number <= 58; number++) {
      const clientId = await registerClient({ client_name: `App ${number}` });
      await connect(person, { resource: "/mcp/crm", clientId }, first.browser);
    }
    // The same app on a second machine.
    const laptop = await connect(person, { resource: "/mcp/crm", clientId: desk }, first.browser);
    const open = async (path: string) => await (await first.browser.get(path)).text();
    const pages = await Promise.all([1, 2, 3, 4].map((page) => open(`/account?page=${page}`)));
    expect(pages.map((page) => grantsOn(page).length)).toEqual([15, 15, 15, 15]);
    expect(new Set(pages.flatMap(grantsOn)).size).toBe(60);
    expect(pages[0]).toContain("Page 1 of 4, 60 apps.");
    // Every page beyond the last is the last one, and no number is page 1.
    expect(grantsOn(await open("/account?page=99"))).toEqual(grantsOn(pages[3] ?? ""));
    expect(grantsOn(await open("/account?page=-1"))).toEqual(grantsOn(pages[0] ?? ""));
    const found = await open("/account?q=app+1&page=1");
    expect(grantsOn(found)).toHaveLength(11);
    expect(found).not.toContain("Disconnect all apps");

    const machines = grantsOn(await open("/account?q=desk"));
    expect(machines).toHaveLength(2);
    await first.browser.post("/account/revoke", { grant: machines[0] ?? "" });
    expect(await open("/account")).toContain("Page 1 of 4, 59 apps.");
    // The newest is the laptop; the other machine goes on.
    expect((await callMcp("/mcp/crm", laptop.accessToken)).status).toBe(401);
    expect((await callMcp("/mcp/crm", first.accessToken)).status).toBe(200);
    expect(await open("/account")).toContain("Yes, disconnect all");
    await first.browser.post("/account/revoke", { all: "yes" });
    expect(await open("/account")).toContain("No app is connected");
    expect((await callMcp("/mcp/crm", first.accessToken)).status).toBe(401);
  }, 60_000);

  it("has a page of each app with its own latest calls, which confirms before it disconnects", async () => {
    const person = await createPerson("sales");
    const { browser, clientId, accessToken } = await connect(person, { resource: "/mcp/crm" });
    const [grant = ""] = grantsOn(await (await browser.get("/account")).text());
    const call = async (chain: string, client: string, name: string) => {
      const intent = { ...intentOf(chain, `${chain}-${name}`), clientId: client, name };
      await withTrail(chain, (trail) => trail.open(intent, Date.now(), takenAt(Date.now())));
      await deliverAll(chain);
    };
    await call(person.id, clientId, "crm_list_deals");
    for (let number = 0; number < 3; number++) await call(person.id, "another-app", `crm_busy_${number}`);
    const page = await (await browser.get(`/account/apps/${grant}`)).text();
    expect(page).toContain("<code>crm_list_deals</code>");
    expect(page).not.toContain("crm_busy");
    expect(page).toContain(`name="grant" value="${grant}"`);
    // Looking ends nothing, and another person finds nothing to look at.
    expect((await callMcp("/mcp/crm", accessToken)).status).toBe(200);
    const stranger = await signIn(await createPerson("admin"));
    for (const path of [grant, "key_0123456789abcdef01234567", "x'--", "%2e%2e"]) {
      expect((await stranger.get(`/account/apps/${path}`)).status, path).toBe(404);
    }
    expect((await new TestBrowser().get(`/account/apps/${grant}`)).status).toBe(303);
  });

  it("shows no apps of other users", async () => {
    await connect(await createPerson("viewer"));
    const browser = await signIn(await createPerson("viewer"));
    expect(await (await browser.get("/account")).text()).toContain("No app is connected");
  });

  it("revokes: the next call and the next refresh are refused", async () => {
    const { browser, accessToken, refreshToken, clientId } = await connect(await createPerson("viewer"), {
      resource: "/mcp/crm",
    });
    const [grant = ""] = grantsOn(await (await browser.get("/account")).text());
    const answer = await browser.post("/account/revoke", { grant });
    expect(answer.headers.get("Location")).toBe("/account?done=revoked");
    expect((await callMcp("/mcp/crm", accessToken)).status).toBe(401);
    const { body } = await requestToken({
      grant_type: "refresh_token",
      refresh_token: refreshToken,
      client_id: clientId,
    });
    expect(body.error).toBe("invalid_grant");
    expect(await (await browser.get("/account")).text()).toContain("No app is connected");
  });

  it("refuses to revoke another user's app", async () => {
    const owner = await connect(await createPerson("viewer"), { resource: "/mcp/crm" });
    const [grant = ""] = grantsOn(await (await owner.browser.get("/account")).text());
    const stranger = await signIn(await createPerson("admin"));
    await stranger.post("/account/revoke", { grant });
    expect((await callMcp("/mcp/crm", owner.accessToken)).status).toBe(200);
  });

  it("shows a notice for its own redirects only, not for any text in the address", async () => {
    const browser = await signIn(await createPerson("viewer"));
    expect(await (await browser.get("/account?done=Your+password+is+x")).text()).not.toContain(
      "Your password is x",
    );
    expect((await browser.get("/account?done=constructor")).status).toBe(200);
  });
});

describe("changing the password", () => {
  const CHOSEN = "another long password";

  it("accepts the new one, refuses the old one and ends other sessions", async () => {
    const person = await createPerson("viewer");
    const other = await signIn(person);
    const browser = await signIn(person);
    const answer = await browser.post("/account/password", { current: PASSWORD, new: CHOSEN });
    expect(answer.headers.get("Location")).toBe("/account?done=password");
    expect((await browser.get("/account")).status).toBe(200);
    expect((await other.get("/account")).status).toBe(303);
    await expect(signIn(person)).rejects.toThrow("401");
    await signIn(person, CHOSEN);
  });

  it("requires the current one, and counts wrong guesses like sign-in does", async () => {
    const browser = await signIn(await createPerson("viewer"));
    const statuses: number[] = [];
    for (let guess = 0; guess < 6; guess++) {
      statuses.push((await browser.post("/account/password", { current: "wrong", new: CHOSEN })).status);
    }
    expect(statuses).toEqual([422, 422, 422, 422, 422, 429]);
  });

  it("refuses a short one", async () => {
    const browser = await signIn(await createPerson("viewer"));
    const answer = await browser.post("/account/password", { current: PASSWORD, new: "short" });
    expect(answer.status).toBe(422);
    expect(await answer.text()).toContain("12 to 128 characters");
  });

  it("stores passwords as scrypt hashes only", async () => {
    const rows = await env.PLATFORM_DB.prepare(`SELECT "password" FROM "account"`).all<{
      password: string;
    }>();
    for (const { password } of rows.results) expect(password).toMatch(/^[0-9a-f]{32}:[0-9a-f]{128}$/);
  });
});
