import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { overConnection } from "../../shared/encoding/platform-database.ts";
import { splitStatements } from "../../shared/encoding/split-statements.ts";
import { planImport } from "../../shared/people/import.ts";
import {
  addLink,
  addressOfLink,
  createLink,
  type LinkKind,
  noteLink,
} from "../../shared/people/password-links.ts";
import { addPerson, setPassword } from "../../shared/people/statements.ts";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { runAdminJobs } from "../../workers/gateway/admin-jobs/run-admin-jobs.ts";
import { findOpenLink } from "../../workers/gateway/console/people/list-people.ts";
import { runMaintenance } from "../../workers/gateway/maintenance.ts";
import { awaitEvents, exportTrail, linksOf } from "../audit/trail.ts";
import { connect, createPerson, PASSWORD, signIn, TestBrowser } from "../support/oauth.ts";
import { enrol } from "../support/second-factor.ts";

afterEach(() => vi.useRealTimers());

const CHOSEN = "a password of my own";
const NO_LINK = "This link does not work";

/** Runs a command's statements. */
async function run(sql: string): Promise<void> {
  await env.PLATFORM_DB.batch(splitStatements(sql).map((text) => env.PLATFORM_DB.prepare(text)));
}

/** Gives a person a link, as the command does. Returns its token and path. */
async function giveLink(email: string, kind: LinkKind = "reset"): Promise<{ token: string; path: string }> {
  const { token, digest } = createLink();
  await run(
    `${noteLink(email)}\n${addLink(email, { digest, kind, by: "npm run people (tester)", at: Date.now() })}`,
  );
  const url = new URL(addressOfLink(env.PUBLIC_URL, token));
  return { token, path: `${url.pathname}${url.search}` };
}

/** A person who was invited and has no password. */
async function invite(): Promise<{ id: string; email: string; token: string; path: string }> {
  const id = crypto.randomUUID();
  const email = `${id}@people.example`;
  const person = { id, accountId: crypto.randomUUID(), email, name: "Grace <Hopper>", role: "viewer" };
  await run(addPerson({ ...person, passwordHash: null, at: new Date().toISOString() }));
  return { id, email, ...(await giveLink(email, "invitation")) };
}

const use = (token: string, chosen = CHOSEN) =>
  new TestBrowser().post("/password", { link: token, new: chosen });
const open = async (path: string) => {
  const response = await new TestBrowser().get(path);
  return { status: response.status, html: await response.text() };
};

describe("an invitation", () => {
  it("lets its person choose a password, once, and does not sign the person in by itself", async () => {
    const { id, email, token, path } = await invite();
    await expect(signIn({ email })).rejects.toThrow("401");
    const page = await open(path);
    expect(page.status).toBe(200);
    expect(page.html).toContain("Welcome, Grace &lt;Hopper&gt;");
    expect(page.html).toContain(`value="${email}"`);
    const answer = await use(token);
    expect(answer.status).toBe(200);
    expect(answer.headers.getSetCookie()).toEqual([]);
    await signIn({ email }, CHOSEN);
    expect(await awaitEvents(id, 2)).toContainEqual(
      expect.objectContaining({ type: "password_change", succeeded: true, link: "invitation" }),
    );
    const again = await use(token, "yet another password");
    expect([again.status, (await open(path)).status]).toEqual([404, 404]);
    await signIn({ email }, CHOSEN);
  });

  it("is not used up by who only opens it, nor by a password that is too short", async () => {
    const { email, token, path } = await invite();
    for (let times = 0; times < 3; times++) expect((await open(path)).status).toBe(200);
    expect((await use(token, "short")).status).toBe(422);
    expect((await use(token, "x".repeat(129))).status).toBe(422);
    expect((await use(token)).status).toBe(200);
    await signIn({ email }, CHOSEN);
  });

  it("without a password answers a sign-in like an unknown address does", async () => {
    const { email } = await invite();
    const answers = [];
    for (const address of [email, "unknown@people.example"]) {
      const response = await new TestBrowser().post("/sign-in", { email: address, password: PASSWORD });
      answers.push({ status: response.status, html: (await response.text()).replaceAll(address, "") });
    }
    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]?.status).toBe(401);
  });
});

describe("a reset", () => {
  it("ends the old password and every sign-in, but not the second factor", async () => {
    const person = await createPerson("sales");
    const browser = await signIn(person);
    await enrol(browser);
    const { token, path } = await giveLink(person.email);
    expect((await browser.get("/account")).status).toBe(200);
    expect((await open(path)).html).toContain("Choose another password");
    expect((await use(token)).status).toBe(200);
    expect((await browser.get("/account")).status).toBe(303);
    await expect(signIn(person)).rejects.toThrow("401");
    const answer = await new TestBrowser().post("/sign-in", { email: person.email, password: CHOSEN });
    expect(answer.headers.get("Location")).toContain("/sign-in/code");
  });

  it("says what still opens the account, in numbers, and says nothing where there is nothing", async () => {
    const person = await createPerson("sales");
    const none = await (await use((await giveLink(person.email)).token)).text();
    expect(none).not.toContain("still open your account");
    await connect(person, {}, await signIn(person, CHOSEN));
    await env.PLATFORM_DB.prepare("INSERT INTO passkey VALUES (?1, ?1, 'p', 'x', 0, '[]', 1, NULL)")
      .bind(person.id)
      .run();
    const some = await (await use((await giveLink(person.email)).token)).text();
    expect(some).toContain("still open your account");
    expect(some).toContain('<a href="/account/passkeys">Passkeys: 1</a>');
    expect(some).toContain('<a href="/account">Connected apps: 1</a>');
    expect(some).not.toContain("API keys:");
  });

  it.each([
    ["is kept out", `UPDATE "user" SET "disabled" = 1 WHERE "id" = ?`, 0],
    ["gets another role", `UPDATE "user" SET "role" = 'viewer' WHERE "id" = ?`, 0],
    ["is removed", `DELETE FROM "user" WHERE "id" = ?`, 0],
    ["gets another name", `UPDATE "user" SET "name" = 'Other' WHERE "id" = ?`, 1],
  ])(
    "that a page showed is open no more once its reader %s, and an import gives another one",
    async (_what, sql, left) => {
      const { id, email } = await invite();
      const reader = await createPerson("admin");
      const given = { kind: "invitation", by: "test", at: Date.now(), shownTo: reader.id } as const;
      await run(addLink(id, { ...given, digest: createLink().digest }));
      const open = async () => {
        const rules = { roles: ["viewer"], defaultRole: "viewer", signIn: bundledPolicy().signIn };
        const file = new TextEncoder().encode(`email,name\n${email},G\n`);
        const { waiting } = await planImport(overConnection(env.PLATFORM_DB), file, rules);
        return [waiting.length === 0, (await findOpenLink(env.PLATFORM_DB, id)) !== null];
      };
      expect(await open()).toEqual([true, true]);
      await env.PLATFORM_DB.batch([
        env.PLATFORM_DB.prepare(`DELETE FROM "session" WHERE "userId" = ?`).bind(reader.id),
        env.PLATFORM_DB.prepare(`DELETE FROM "account" WHERE "userId" = ?`).bind(reader.id),
        env.PLATFORM_DB.prepare(sql).bind(reader.id),
      ]);
      expect(await open()).toEqual(left === 1 ? [true, true] : [false, false]);
    },
  );

  it("that several people use at the same time sets one password", async () => {
    const person = await createPerson("sales");
    const { token } = await giveLink(person.email);
    const choices = Array.from({ length: 5 }, (_, at) => `password number ${at} of five`);
    const statuses = await Promise.all(choices.map(async (chosen) => (await use(token, chosen)).status));
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    await signIn(person, choices[statuses.indexOf(200)]);
  });

  it.each([
    [
      "24 hours have passed",
      async () => void vi.useFakeTimers({ now: Date.now() + 86_400_000, toFake: ["Date"] }),
    ],
    ["another link was given", async (email: string) => void (await giveLink(email))],
    [
      "the password was changed by a command",
      (email: string) => run(setPassword(email, "hash", "2026-11-01T00:00:00Z")),
    ],
    [
      "the person changed the password",
      async (email: string) => {
        const browser = await signIn({ email });
        await browser.post("/account/password", { current: PASSWORD, new: "changed meanwhile" });
      },
    ],
    [
      "the person is kept out",
      (email: string) => run(`UPDATE "user" SET "disabled" = 1 WHERE "email" = '${email}';`),
    ],
    [
      "the address to which it went is not the person's any more",
      (email: string) => run(`UPDATE "user" SET "email" = 'new.${email}' WHERE "email" = '${email}';`),
    ],
  ])("does not work after %s, and says what it says of a link that never was", async (_what, happen) => {
    const person = await createPerson("sales");
    const { token, path } = await giveLink(person.email);
    await happen(person.email);
    const never = await open(`/password?link=${createLink().token}`);
    expect(await open(path)).toEqual(never);
    expect(never.status).toBe(404);
    expect(never.html).toContain(NO_LINK);
    expect((await use(token)).status).toBe(404);
  });

  it("of one person changes no other person", async () => {
    const [one, other] = [await createPerson("sales"), await createPerson("admin")];
    const [mine, theirs] = [await giveLink(one.email), await giveLink(other.email)];
    const browser = await signIn(other);
    await new TestBrowser().post("/password", {
      link: mine.token,
      new: CHOSEN,
      email: other.email,
      user: other.id,
    });
    expect((await browser.get("/account")).status).toBe(200);
    await signIn(other);
    await signIn(one, CHOSEN);
    expect((await open(theirs.path)).status).toBe(200);
  });

  it("is stored as a digest only, in no record, and is removed when it has ended", async () => {
    const person = await createPerson("sales");
    const { token } = await giveLink(person.email);
    const tables = ["password_link", "admin_request"];
    const rows = async () =>
      JSON.stringify([
        await env.PLATFORM_DB.batch(tables.map((table) => env.PLATFORM_DB.prepare(`SELECT * FROM ${table}`))),
        await exportTrail(),
      ]);
    expect(await rows()).not.toContain(token);
    await env.PLATFORM_DB.prepare("UPDATE password_link SET ends_at = 1 WHERE user_id = ?")
      .bind(person.id)
      .run();
    await runMaintenance(env);
    await runAdminJobs(env);
    const left = await env.PLATFORM_DB.prepare(
      "SELECT count(*) AS total FROM password_link WHERE user_id = ?",
    )
      .bind(person.id)
      .first();
    expect(left).toEqual({ total: 0 });
    expect(JSON.stringify(await linksOf("gatehouse:administration"))).not.toContain(token);
    expect(JSON.stringify(await linksOf("gatehouse:administration"))).toContain("password_link");
  });

  it.each(["", "x", "0".repeat(63), "0".repeat(65), "G".repeat(64), "%00", "' OR 1=1 --", "0".repeat(9_000)])(
    "with the token %j is no link",
    async (token) => {
      expect((await open(`/password?link=${encodeURIComponent(token)}`)).status).toBe(404);
      expect((await use(token)).status).toBe(404);
    },
  );

  it("is refused from another site's form, and from one address no more than 60 times a minute", async () => {
    const { token } = await giveLink((await createPerson("sales")).email);
    const browser = new TestBrowser();
    browser.headers = { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" };
    expect((await browser.post("/password", { link: token, new: CHOSEN })).status).toBe(403);
    const guesser = new TestBrowser();
    guesser.headers = { "cf-connecting-ip": "203.0.113.200" };
    const statuses = [];
    for (let guess = 0; guess < 62; guess++) statuses.push((await guesser.get("/password?link=x")).status);
    expect(statuses.slice(0, 60)).toEqual(Array(60).fill(404));
    expect(statuses.slice(60)).toEqual([429, 429]);
  });
});
