import { evictAllDurableObjects, runDurableObjectAlarm } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { digestText } from "../../shared/encoding/canonical-json.ts";
import { admitAttempt, moveCounters } from "../../workers/gateway/limits/attempts.ts";
import { countedAddress } from "../../workers/gateway/limits/counted-address.ts";
import { listSignInRules } from "../../workers/gateway/sign-in/routes.tsx";
import { attemptObjects, changeCounters, countCounters } from "../support/attempts.ts";
import { createPerson, PASSWORD, signIn, TestBrowser } from "../support/oauth.ts";

const FAILED = "E-mail or password is wrong.";

async function attempt(email: string, password: string, headers: Record<string, string> = {}) {
  const browser = new TestBrowser();
  browser.headers = headers;
  return await browser.post("/sign-in", { email, password });
}

describe("sign-in", () => {
  it("opens a session with the right password, in any letter case of the address", async () => {
    const person = await createPerson("viewer", "Ada Subscriber");
    const browser = await signIn({ email: person.email.toUpperCase() });
    const page = await (await browser.get("/account")).text();
    expect(page).toContain("Ada Subscriber");
  });

  it("keeps the session in a cookie that scripts and other sites cannot use", async () => {
    const person = await createPerson("viewer");
    const response = await attempt(person.email, PASSWORD);
    const cookie = response.headers.getSetCookie().find((line) => line.startsWith("gatehouse-session="));
    expect(cookie).toMatch(/; HttpOnly/);
    expect(cookie).toMatch(/; SameSite=Lax/);
    expect(cookie).toMatch(/; Path=\//);
    expect(cookie).not.toMatch(/Domain=/i);
  });

  it("gives the same answer, with the same status, for a wrong password, an unknown address and a disabled user", async () => {
    const person = await createPerson("viewer");
    const disabled = await createPerson("viewer");
    await env.PLATFORM_DB.prepare(`UPDATE "user" SET "disabled" = 1 WHERE "id" = ?`).bind(disabled.id).run();
    for (const [email, password] of [
      [person.email, "not the password"],
      ["nobody@people.example", PASSWORD],
      [disabled.email, PASSWORD],
      ["not an address", PASSWORD],
      [person.email, ""],
      ["", ""],
    ] as const) {
      const response = await attempt(email, password);
      expect(response.status).toBe(401);
      const page = await response.text();
      expect(page).toContain(FAILED);
      expect(response.headers.getSetCookie()).toEqual([]);
      if (password !== "") expect(page).not.toContain(password);
    }
  });

  it("ends the session of a user who is disabled meanwhile", async () => {
    const person = await createPerson("viewer");
    const browser = await signIn(person);
    await env.PLATFORM_DB.prepare(`UPDATE "user" SET "disabled" = 1 WHERE "id" = ?`).bind(person.id).run();
    const response = await browser.get("/account");
    expect(response.headers.get("Location")).toBe("/sign-in?next=%2Faccount");
  });

  it("lets exactly five of twenty parallel guesses through, then gives the retry time", async () => {
    const person = await createPerson("viewer");
    const responses = await Promise.all(
      Array.from({ length: 20 }, () => attempt(person.email, "wrong", { "CF-Connecting-IP": "192.0.2.7" })),
    );
    expect(responses.filter((response) => response.status === 401)).toHaveLength(5);
    const limited = responses.filter((response) => response.status === 429);
    expect(limited).toHaveLength(15);
    expect(Number(limited[0]?.headers.get("Retry-After"))).toBeGreaterThan(0);
    expect(await limited[0]?.text()).toContain("Too many attempts");
    const right = await attempt(person.email, PASSWORD, { "CF-Connecting-IP": "192.0.2.7" });
    expect(right.status).toBe(429);
  });

  it("lets the user in from another address while a stranger's address is blocked", async () => {
    const person = await createPerson("viewer");
    for (let guess = 0; guess < 6; guess++) {
      await attempt(person.email, "wrong", { "CF-Connecting-IP": "192.0.2.8" });
    }
    expect((await attempt(person.email, PASSWORD, { "CF-Connecting-IP": "198.51.100.1" })).status).toBe(303);
  });

  it("never counts successful sign-ins as attempts", async () => {
    const person = await createPerson("viewer");
    for (let time = 0; time < 8; time++) expect((await attempt(person.email, PASSWORD)).status).toBe(303);
  });

  it("limits one address that tries many accounts, and reopens after the window", async () => {
    const ip = "192.0.2.9";
    const now = Date.now();
    for (let account = 0; account < 50; account++) {
      const rules = listSignInRules(`a${account}@people.example`, ip);
      expect(await admitAttempt(env, rules, now)).toEqual({ admitted: true });
    }
    const from = { "CF-Connecting-IP": ip };
    expect((await attempt("one-more@people.example", "x", from)).status).toBe(429);
    await changeCounters("UPDATE counters SET ends_at = 1");
    expect((await attempt("one-more@people.example", "x", from)).status).toBe(401);
  });

  it("counts on in an object that was evicted, and forgets a counter once its window has ended", async () => {
    const rule = { subject: "evicted", limit: 2, windowMs: 60_000 };
    const admit = () => admitAttempt(env, [rule], Date.now());
    expect([await admit(), await admit()]).toEqual([{ admitted: true }, { admitted: true }]);
    const before = await countCounters();
    await evictAllDurableObjects();
    expect((await admit()).admitted).toBe(false);
    expect(await countCounters()).toBe(before);
    await changeCounters("UPDATE counters SET ends_at = 1");
    for (const object of attemptObjects()) await runDurableObjectAlarm(object);
    expect(await countCounters()).toBe(0);
  });

  it("takes over what the release before has counted in the database, and no counter whose window has ended", async () => {
    const rule = { subject: "form of the release before", limit: 1, windowMs: 60_000 };
    const old = { subject: "ended before", limit: 1, windowMs: 60_000 };
    const count = env.PLATFORM_DB.prepare("INSERT INTO attempt_counter VALUES (?, 1, ?)");
    const now = Date.now();
    await env.PLATFORM_DB.batch([
      count.bind(digestText(rule.subject), now + 60_000),
      count.bind(digestText(old.subject), now - 1),
    ]);
    // More than one run moves, so that they leave no place for one that counts.
    await env.PLATFORM_DB.prepare(
      `INSERT INTO attempt_counter WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600)
       SELECT '#' || i, 1, ? FROM n`,
    )
      .bind(now - 1)
      .run();
    expect(await moveCounters(env, now)).toBe(602);
    expect(await moveCounters(env, now)).toBe(0);
    expect((await admitAttempt(env, [rule], now)).admitted).toBe(false);
    expect((await admitAttempt(env, [old], now)).admitted).toBe(true);
  });

  it("counts all addresses of one IPv6 subscriber together, and of no other", async () => {
    const from = (host: string) => ({ "CF-Connecting-IP": host });
    const place = listSignInRules("", countedAddress(new Headers(from("2001:db8:0:7::1"))));
    for (let account = 0; account < 50; account++) {
      await admitAttempt(env, place.slice(1, 2), Date.now());
    }
    const tries = await Promise.all(
      ["2001:db8:0:7::2", "2001:DB8::7:1:2:3:4", "2001:db8:0:8::1"].map((host) =>
        attempt("nobody@people.example", "x", from(host)),
      ),
    );
    expect(tries.map(({ status }) => status)).toEqual([429, 429, 401]);
  });

  it("redirects to a local path and never to another site", async () => {
    const person = await createPerson("viewer");
    for (const [next, expected] of [
      ["/authorize?client_id=x", "/authorize?client_id=x"],
      ["//evil.example/", "/account"],
      ["/\\evil.example", "/account"],
      ["https:evil.example", "/account"],
      ["/..//evil.example", "/account"],
    ] as const) {
      const browser = new TestBrowser();
      const response = await browser.post("/sign-in", { email: person.email, password: PASSWORD, next });
      expect(response.headers.get("Location")).toBe(expected);
      const already = await browser.get(`/sign-in?next=${encodeURIComponent(next)}`);
      expect(already.headers.get("Location")).toBe(expected);
    }
  });

  it("escapes the input when it shows the form again", async () => {
    const response = await attempt('"><script>alert(1)</script>', "x");
    const page = await response.text();
    expect(page).not.toContain("<script");
    expect(page).toContain("&quot;&gt;&lt;script&gt;");
  });

  it("ends the session on sign-out, also for a copy of the cookie", async () => {
    const person = await createPerson("viewer");
    const browser = await signIn(person);
    const kept = new Map(browser.cookies);
    const response = await browser.post("/sign-out", { next: "//evil.example" });
    expect(response.headers.get("Location")).toBe("/sign-in");
    const thief = new TestBrowser();
    for (const [name, value] of kept) thief.cookies.set(name, value);
    expect((await thief.get("/account")).status).toBe(303);
  });

  it("has no sign-up and none of the sign-in library's own routes", async () => {
    for (const path of ["/api/auth/sign-up/email", "/api/auth/sign-in/email", "/sign-up"]) {
      const browser = new TestBrowser();
      expect((await browser.post(path, { email: "x@y.example", password: PASSWORD, name: "x" })).status).toBe(
        404,
      );
    }
  });
});

describe("forms", () => {
  const send = (headers: Record<string, string>, body: BodyInit) =>
    exports.default.fetch(new URL("/sign-in", env.PUBLIC_URL), {
      method: "POST",
      headers,
      body,
      redirect: "manual",
    });

  it.each([
    ["another origin", { Origin: "https://evil.example" }],
    ["an opaque origin", { Origin: "null" }],
    ["another site by fetch metadata", { Origin: "http://localhost:8787", "Sec-Fetch-Site": "cross-site" }],
    ["a sibling site by fetch metadata", { "Sec-Fetch-Site": "same-site" }],
    ["nowhere at all", {}],
  ])("are refused when they come from %s", async (_case, headers) => {
    const person = await createPerson("viewer");
    const body = new URLSearchParams({ email: person.email, password: PASSWORD });
    const response = await send(headers as Record<string, string>, body);
    expect(response.status).toBe(403);
    expect(response.headers.getSetCookie()).toEqual([]);
  });

  it("are refused over 16 KiB and in another content type", async () => {
    const own = { Origin: env.PUBLIC_URL };
    expect((await send(own, new URLSearchParams({ email: "x".repeat(17_000) }))).status).toBe(413);
    expect((await send({ ...own, "Content-Type": "application/json" }, "{}")).status).toBe(415);
  });
});
