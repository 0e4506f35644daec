import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { nameBrowser } from "../../workers/gateway/account/name-browser.ts";
import { awaitEvents } from "../audit/trail.ts";
import { createPerson, signIn, TestBrowser, type TestPerson } from "../support/oauth.ts";

const textOf = async (response: Promise<Response>) => (await response).text();
const browsersOn = (html: string) =>
  [...html.matchAll(/name="browser" value="([^"]+)"/g)].map((match) => match[1] ?? "");

/** Signs in from a browser with a name and an address. */
async function signInFrom(person: TestPerson, agent: string, ip: string): Promise<TestBrowser> {
  const browser = new TestBrowser();
  browser.headers = { "user-agent": agent, "cf-connecting-ip": ip };
  await browser.post("/sign-in", { email: person.email, password: "a long test password" });
  return browser;
}

describe("the list of own browsers on the account page", () => {
  it.each([
    [
      "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
      "Chrome on Linux",
    ],
    [
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
      "Edge on Windows",
    ],
    [
      "Mozilla/5.0 (Macintosh; Intel Mac OS X 15.5; rv:140.0) Gecko/20100101 Firefox/140.0",
      "Firefox on macOS",
    ],
    [
      "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1",
      "Safari on iPhone",
    ],
    [
      "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36",
      "Chrome on Android",
    ],
    ["curl/8.9", "curl/8.9"],
  ])("names %s", (agent, name) => {
    expect(nameBrowser(agent)).toBe(name);
  });

  it("shows each with its name, address and time, the asking one without a button", async () => {
    const person = await createPerson("sales");
    await signInFrom(person, "Firefox <1>", "203.0.113.1");
    const here = await signInFrom(person, "Safari", "203.0.113.2");
    const html = await textOf(here.get("/account"));
    expect(html).toContain("Firefox &lt;1&gt;");
    expect(html).toContain("from 203.0.113.1");
    expect(html.match(/This browser/g)).toHaveLength(1);
    expect(browsersOn(html)).toHaveLength(1);
    for (const cookie of here.cookies.values()) expect(html).not.toContain(cookie.split(".")[0]);
  });

  it("signs one out at its next request, and no other", async () => {
    const person = await createPerson("sales");
    const [first, second] = [await signIn(person), await signIn(person)];
    const here = await signIn(person);
    const [newest = ""] = browsersOn(await textOf(here.get("/account")));
    expect((await here.post("/account/browsers", { browser: newest })).headers.get("Location")).toBe(
      "/account?done=browser",
    );
    expect((await second.get("/account")).status).toBe(303);
    expect((await first.get("/account")).status).toBe(200);
    expect((await here.get("/account")).status).toBe(200);
    expect((await awaitEvents(person.id, 4)).at(-1)?.type).toBe("sign_out");
  });

  it("signs out everywhere else, at 60 browsers too", async () => {
    const person = await createPerson("sales");
    const other = await signIn(person);
    const here = await signIn(person);
    await env.PLATFORM_DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)
       INSERT INTO "session" ("id", "expiresAt", "token", "createdAt", "updatedAt", "userId")
       SELECT 'copy-' || i, '2126-01-01T00:00:00.000Z', 'copy-' || i, '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', ?
         FROM n`,
    )
      .bind(person.id)
      .run();
    expect(await textOf(here.get("/account"))).toContain("This browser");
    await here.post("/account/browsers", { others: "all" });
    expect((await other.get("/account")).status).toBe(303);
    expect((await here.get("/account")).status).toBe(200);
    const left = await env.PLATFORM_DB.prepare(`SELECT count(*) AS total FROM "session" WHERE "userId" = ?`)
      .bind(person.id)
      .first();
    expect(left).toEqual({ total: 1 });
  });

  it("signs out no browser of another person, whatever id is sent", async () => {
    const [person, stranger] = [await createPerson("sales"), await createPerson("admin")];
    const victim = await signIn(person);
    const row = await env.PLATFORM_DB.prepare(`SELECT "id" FROM "session" WHERE "userId" = ?`)
      .bind(person.id)
      .first<{ id: string }>();
    const attacker = await signIn(stranger);
    await attacker.post("/account/browsers", { browser: row?.id ?? "" });
    await attacker.post("/account/browsers", { others: "all", browser: row?.id ?? "" });
    expect((await victim.get("/account")).status).toBe(200);
    expect(await textOf(attacker.get("/account"))).not.toContain(row?.id);
  });
});
