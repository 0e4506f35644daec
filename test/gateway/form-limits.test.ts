import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { app } from "../../workers/gateway/app.ts";
import { admitAttempt } from "../../workers/gateway/limits/attempts.ts";
import { ruleOfForms } from "../../workers/gateway/limits/limit-person.ts";
import { createPerson, signIn, TestBrowser } from "../support/oauth.ts";
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

/** Sends so many forms as one person may within a minute. */
async function sendAll(userId: string): Promise<void> {
  const rule = ruleOfForms(userId);
  await Promise.all(Array.from({ length: rule.limit }, () => admitAttempt(env, [rule], Date.now())));
}

describe("every form", { timeout: 30_000 }, () => {
  it("of a signed-in person is counted, on all pages together; each other POST says what bounds it", async () => {
    const { person, browser } = await openAs("admin");
    await sendAll(person.id);
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
    await sendAll(one.person.id);
    const refused = await one.browser.post("/account/browsers", { others: "all" });
    expect([refused.status, await refused.text()]).toEqual([429, expect.stringContaining("Too many forms")]);
    expect((await one.browser.get("/account")).status).toBe(200);
    expect((await other.browser.post("/account/browsers", { others: "all" })).status).toBe(303);
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
