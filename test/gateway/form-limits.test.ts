import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { app } from "../../workers/gateway/app.ts";
import { admitAttempt } from "../../workers/gateway/limits/attempts.ts";
import { rulesOfForm } from "../../workers/gateway/limits/limit-person.ts";
import { readSignIn, type SignIn } from "../../workers/gateway/sign-in/auth.ts";
import { createPerson, PASSWORD, signIn, TestBrowser } from "../support/oauth.ts";
import { openAs, textOf } from "./waiting-call.ts";

/** Routes that take a POST without a signed-in person, and what bounds each. */
const OTHERWISE: Readonly<Record<string, string>> = {
  "/sign-in": "counted by address and account (listSignInRules)",
  "/sign-in/code": "counted by person and address (checkCode)",
  "/sign-in/passkey": "counted by address",
  "/sign-out": "counted by address",
  "/password": "counted by address",
  "/authorize": "counted by address",
  "/oauth/register": "counted by address",
  "/oauth/token": "counted by address, and by grant",
  "/people/changes": "names a row by 122 random bits that its writer knows, and counts once",
  "/policy/changes": "announces a publication of the database once; others cost one row read",
  "/connections/commands": "asks for a ticket that a writer of the database makes, which counts once",
  "/trail/segments": "asks for a ticket that a writer of the database makes, which counts once",
};

const posts = () => [...new Set(app.routes.flatMap(({ method, path }) => (method === "POST" ? [path] : [])))];

const OTHER = "/approvals/x";
const PROTECTING = ["/account/password", "/account/browsers", "/account/revoke"];

/** The session of a browser. */
async function signInOf(browser: TestBrowser): Promise<SignIn> {
  let headers = new Headers();
  const serve = browser.serve;
  browser.serve = (request) => {
    headers = request.headers;
    return new Response();
  };
  await browser.get("/account");
  browser.serve = serve;
  const read = await readSignIn(env, headers);
  if (read === null) throw new Error("The browser is not signed in.");
  return read;
}

/** Sends so many forms as one browser may within a minute, or as its person may. */
async function sendAll(
  browser: TestBrowser,
  path = OTHER,
  of: "session" | "person" = "session",
): Promise<void> {
  const rule = rulesOfForm(await signInOf(browser), path)[of === "session" ? 0 : 1];
  if (rule === undefined) throw new Error("There is no such limit.");
  await Promise.all(Array.from({ length: rule.limit }, () => admitAttempt(env, [rule], Date.now())));
}

describe("every form", { timeout: 30_000 }, () => {
  it("of a signed-in person is counted, on all pages together; each other POST says what bounds it", async () => {
    const { person, browser } = await openAs("admin");
    await sendAll(browser);
    for (const path of PROTECTING) await sendAll(browser, path);
    const open: string[] = [];
    for (const path of posts()) {
      if (OTHERWISE[path] !== undefined) continue;
      const answer = await browser.post(path.replaceAll(/:\w+/g, "x"), { subject: person.id });
      if (answer.status !== 429 || !(Number(answer.headers.get("Retry-After")) > 0)) open.push(path);
    }
    expect(open).toEqual([]);
    expect(Object.keys(OTHERWISE).filter((path) => !posts().includes(path))).toEqual([]);
    expect(posts().length).toBeGreaterThan(40);
  });

  it("of another person goes through meanwhile, and pages still open", async () => {
    const [one, other] = [await openAs("viewer"), await openAs("viewer")];
    await sendAll(one.browser);
    const refused = await one.browser.post(OTHER, {});
    expect([refused.status, await refused.text()]).toEqual([429, expect.stringContaining("Too many forms")]);
    expect((await one.browser.get("/account")).status).toBe(200);
    expect((await other.browser.post(OTHER, {})).status).not.toBe(429);
  });

  it("of a stolen session leaves the person every form of another one, and those that protect the account", async () => {
    const { person, browser: stolen } = await openAs("viewer");
    const own = await signIn(person);
    await sendAll(stolen);
    for (let more = 0; more < 5; more++) expect((await stolen.post(OTHER, {})).status).toBe(429);
    expect((await own.post(OTHER, {})).status).not.toBe(429);
    for (const path of PROTECTING) await sendAll(stolen, path);
    // As many stolen sessions as it takes.
    await sendAll(own, OTHER, "person");
    expect((await own.post(OTHER, {})).status).toBe(429);
    const change = { current: PASSWORD, new: "another long password" };
    expect((await own.post("/account/revoke", { all: "yes" })).status).toBe(303);
    expect((await own.post("/account/browsers", { others: "all" })).status).toBe(303);
    expect((await own.post("/account/password", change)).status).toBe(303);
  });

  it("of a session that owes the second factor counts against that session alone", async () => {
    const { person, browser } = await openAs("viewer");
    const insert = "INSERT INTO passkey VALUES (?1, ?1, 'p', 'x', 0, '[]', 1, NULL)";
    await env.PLATFORM_DB.prepare(insert).bind(person.id).run();
    const owing = await signInOf(await signIn(person));
    expect(rulesOfForm(owing, OTHER)).toEqual([
      expect.objectContaining({ subject: `form|session|${owing.sessionId}` }),
    ]);
    await sendAll(browser, "/account/second-factor/start");
    expect((await browser.post("/account/second-factor/start", {})).status).toBe(429);
    const another = await signIn(person);
    expect((await another.post("/account/second-factor/start", {})).status).not.toBe(429);
  });

  it("to sign out is counted by address", async () => {
    const rule = { subject: "sign-out|198.51.100.9", limit: 300, windowMs: 60_000 };
    await Promise.all(Array.from({ length: 300 }, () => admitAttempt(env, [rule], Date.now())));
    const person = await createPerson("viewer");
    const browser = await signIn(person);
    browser.headers = { "CF-Connecting-IP": "198.51.100.9" };
    expect((await browser.post("/sign-out", {})).status).toBe(429);
    browser.headers = { "CF-Connecting-IP": "198.51.100.10" };
    expect((await browser.post("/sign-out", {})).status).toBe(303);
  });
});

describe("whom to ask", () => {
  const rules = bundledPolicy().signIn;
  const { contact } = rules;
  afterEach(() => void Object.assign(rules, { contact }));

  it("is named as the policy has it, on every page that sends a person to someone", async () => {
    const grace = "Grace Hopper (grace@example.com)";
    Object.assign(rules, { contact: grace });
    const { browser } = await openAs("admin");
    const viewer = await openAs("viewer");
    const foreign = new TestBrowser();
    foreign.headers = { Origin: "https://elsewhere.example", Accept: "application/json" };
    const pages = [
      await textOf(new TestBrowser().get(`/password?link=${"0".repeat(64)}`)),
      await textOf(browser.get("/account/keys/new")),
      await textOf(foreign.get("/mcp")),
      await textOf(new TestBrowser().get("/sign-in")),
      await textOf(viewer.browser.get("/account/second-factor")),
    ];
    for (const text of pages) expect(text).not.toMatch(/\ban administrator\b/i);
    for (const text of pages.slice(0, 3)) expect(text).toContain(grace);
  });
});
