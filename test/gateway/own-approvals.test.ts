import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { personOfFile } from "../../workers/gateway/files/person-of-file.ts";
import { authorize, registerClient, signIn, type TestPerson } from "../support/oauth.ts";
import { setApprovals, setSecondFactor } from "../support/policy.ts";
import { enrol } from "../support/second-factor.ts";
import { showCode } from "../support/totp.ts";
import { approve, askFor, letCallsWait, openAs, RULE, textOf } from "./waiting-call.ts";

beforeEach(letCallsWait);

/** Makes a browser's sign-in older than the quarter of an hour for which it counts as fresh. */
const ageSignIn = ({ id }: TestPerson) =>
  env.PLATFORM_DB.prepare(`UPDATE "session" SET "createdAt" = ? WHERE "userId" = ?`)
    .bind(new Date(Date.now() - 16 * 60_000).toISOString(), id)
    .run();

describe("a user who may approve calls of their own apps", { timeout: 20_000 }, () => {
  beforeEach(() => setApprovals("sales", [{ ...RULE, self_approval: true }]));

  it("needs a fresh sign-in, and is asked for one otherwise", async () => {
    const { path, browser, requester, call } = await askFor({ first_name: "Own", last_name: "Call" });
    await ageSignIn(requester);
    const html = await textOf(browser.get(path));
    expect(html).toContain("Sign in again");
    expect(html).not.toContain('value="approve"');
    expect((await browser.post(path, approve(requester))).status).toBe(403);
    const out = await browser.post("/sign-out", { next: path });
    expect(out.headers.get("Location")).toBe(`/sign-in?next=${encodeURIComponent(path)}&fresh=1`);
    const fresh = await signIn(requester);
    expect(await textOf(fresh.get(path))).toContain('value="approve"');
    expect((await fresh.post(path, approve(requester))).status).toBe(303);
    expect((await call()).isError).toBe(false);
  });

  it("needs a fresh second factor once one is set up, however fresh the sign-in is", async () => {
    const { path, browser, requester, call } = await askFor({ first_name: "Own", last_name: "Factor" });
    const { secret } = await enrol(browser);
    await env.PLATFORM_DB.prepare(`UPDATE "session" SET "mfaAt" = ? WHERE "userId" = ?`)
      .bind(Date.now() - 16 * 60_000, requester.id)
      .run();
    const html = await textOf(browser.get(path));
    expect(html).toContain(`/sign-in/code?next=${encodeURIComponent(path)}`);
    expect(html).not.toContain('value="approve"');
    expect((await browser.post(path, approve(requester))).status).toBe(403);
    const code = await browser.post("/sign-in/code", { code: await showCode(secret, 1), next: path });
    expect(code.headers.get("Location")).toBe(path);
    expect((await browser.post(path, approve(requester))).status).toBe(303);
    expect((await call()).isError).toBe(false);
  });

  it("cannot with any sign-in, however fresh, where the role requires a second factor that is not set up", async () => {
    const { path, browser, requester } = await askFor({ first_name: "No", last_name: "Factor" });
    setSecondFactor("sales", { required: true });
    try {
      expect(await textOf(browser.get(path))).toContain("/account/second-factor?next=");
      expect((await browser.post(path, approve(requester))).status).toBe(403);
    } finally {
      setSecondFactor("sales", {});
    }
  });

  it("cannot thereby approve another user's", async () => {
    const { path } = await askFor();
    const { browser, person } = await openAs("sales");
    expect((await browser.post(path, approve(person))).status).toBe(403);
  });
});

describe("a person with a passkey who signed in with the password", { timeout: 20_000 }, () => {
  const addPasskey = ({ id }: TestPerson) =>
    env.PLATFORM_DB.prepare("INSERT INTO passkey VALUES (?1, ?1, 'p', 'x', 0, '[]', 1, NULL)").bind(id).run();
  const codeFor = (path: string) => `/sign-in/code?next=${encodeURIComponent(path)}`;

  it("gives it before any page that shows or changes what is theirs, with nothing that a role or policy asks for", async () => {
    const { path } = await askFor({ first_name: "Pass", last_name: "Key" });
    const { browser, person } = await openAs("admin");
    const pending = await authorize(await registerClient());
    expect(await textOf(browser.get(path))).toContain('value="approve"');
    await addPasskey(person);
    const pages = ["/account", "/account/keys", "/approvals", "/connections", "/console", "/console/people"];
    for (const page of [...pages, path, pending.path]) {
      expect((await browser.get(page)).headers.get("Location"), page).toBe(codeFor(page));
    }
    const forms = [path, "/console/people", "/connections/any/connect", "/connections/any/disconnect"];
    for (const form of [...forms, "/account/revoke", "/account/browsers", "/account/password"]) {
      const refused = await browser.post(form, approve(person));
      expect(refused.headers.get("Location"), form).toMatch(/^\/sign-in\/code\?next=/);
    }
    await env.PLATFORM_DB.prepare(`UPDATE "session" SET "mfaAt" = ? WHERE "userId" = ?`)
      .bind(Date.now(), person.id)
      .run();
    for (const page of pages) expect((await browser.get(page)).status, page).toBe(200);
    expect(await textOf(browser.get(path))).toContain('value="approve"');
  });

  it("reads no file in the browser before", async () => {
    const { browser, person } = await openAs("sales");
    const Cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const read = () => personOfFile(env, new Request(env.PUBLIC_URL, { headers: { Cookie } }), "crm");
    expect(await read()).toBe(person.id);
    await addPasskey(person);
    expect(await read()).toBeNull();
  });
});
