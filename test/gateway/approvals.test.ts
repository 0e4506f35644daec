import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { openApprovalLink, signApprovalLink } from "../../shared/auth/approval-link.ts";
import { openKeyring } from "../../shared/auth/keyring.ts";
import { principalGate } from "../../shared/guard/admit.ts";
import { approvalGate } from "../../shared/guard/approval-gate.ts";
import { runMaintenance } from "../../workers/gateway/maintenance.ts";
import { eventsOf } from "../audit/trail.ts";
import { addCompany, addContact } from "../crm/rows.ts";
import { findApproval, pathOf } from "../support/approvals.ts";
import { connect, createPerson, signIn, TestBrowser, type TestPerson } from "../support/oauth.ts";
import { changeVersion, setApprovals, setApproves, setSecondFactor } from "../support/policy.ts";
import { enrol } from "../support/second-factor.ts";
import { openSession } from "../support/session.ts";
import { showCode } from "../support/totp.ts";

const TOOL = "crm_create_contact";
const RULE = { name: "look", tools: [TOOL], message: "A contact is seen by everybody." };
const CONTACT = { first_name: "Ada", last_name: "Lovelace", email: "ada@people.example" };

beforeEach(() => {
  setApprovals("sales", [RULE]);
  setApproves("admin", ["*"]);
  setApproves("editor", []);
});

/** A salesperson whose app has just asked, with the page of the request. */
async function askFor(args: Record<string, unknown> = CONTACT, person?: TestPerson) {
  const requester = person ?? (await createPerson("sales", "Sam Seller"));
  const connection = await connect(requester, { resource: "/mcp/crm", tick: ["crm:read", "crm:write"] });
  const session = await openSession({ server: "crm", lane: "stateless", token: connection });
  const call = () => session.call(TOOL, args);
  const path = pathOf(await call());
  return { requester, ...connection, session, call, path };
}

async function openAs(role: string): Promise<{ person: TestPerson; browser: TestBrowser }> {
  const person = await createPerson(role);
  return { person, browser: await signIn(person) };
}

const textOf = async (response: Response | Promise<Response>) => (await response).text();
const approve = ({ id }: TestPerson) => ({ subject: id, decision: "approve" });

/** Makes a browser's sign-in older than the quarter of an hour in which it counts as fresh. */
const ageSignIn = ({ id }: TestPerson) =>
  env.PLATFORM_DB.prepare(`UPDATE "session" SET "createdAt" = ? WHERE "userId" = ?`)
    .bind(new Date(Date.now() - 16 * 60_000).toISOString(), id)
    .run();

describe("the page of a request", { timeout: 20_000 }, () => {
  it("asks for a sign-in first, and comes back", async () => {
    const { path } = await askFor();
    const browser = new TestBrowser();
    for (const answer of [await browser.get(path), await browser.post(path, { decision: "approve" })]) {
      expect(answer.status).toBe(303);
      expect(answer.headers.get("Location")).toBe(`/sign-in?next=${encodeURIComponent(path)}`);
    }
    expect(await textOf(browser.get(`/sign-in?next=${encodeURIComponent(path)}`))).toContain("A call waits");
  });

  it("says exactly what will run, for whom, through which app, why and how long", async () => {
    const { path, requester } = await askFor();
    const { browser } = await openAs("admin");
    const answer = await browser.get(path);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("Content-Security-Policy")).toContain("form-action 'self'");
    const html = await answer.text();
    const said = [
      "Create a contact",
      TOOL,
      "Adds something new",
      "Sam Seller",
      requester.email,
      "Test client",
    ];
    for (const text of [...said, "Not verified", RULE.message, "Lovelace", "ada@people.example", "UTC"]) {
      expect(html, text).toContain(text);
    }
    expect(html).not.toContain("<script");
  });

  it("says in words which records the ids stand for, escaped, and masked for who reads it", async () => {
    await addCompany("cmp_named", "<b>Acme</b> \u202eRockets");
    await addContact("con_named", "Ada Lovelace", { company_id: "cmp_named" });
    setApprovals("sales", [{ ...RULE, tools: ["crm_log_activity"] }]);
    setApproves("viewer", ["crm_*"]);
    const requester = await createPerson("sales", "Sam Seller");
    const connection = await connect(requester, { resource: "/mcp/crm", tick: ["crm:read", "crm:write"] });
    const session = await openSession({ server: "crm", lane: "stateless", token: connection });
    const args = { kind: "note", subject: "Hello", company_id: "cmp_named", contact_id: "con_named" };
    const path = pathOf(await session.call("crm_log_activity", args));
    const [admin, viewer] = await Promise.all(["admin", "viewer"].map(openAs));
    const shown = await textOf(admin?.browser.get(path) as Promise<Response>);
    expect(shown).toContain("<strong>&lt;b&gt;Acme&lt;/b&gt; Rockets</strong>");
    expect(shown).toContain("<strong>Ada Lovelace, &lt;b&gt;Acme");
    const masked = await textOf(viewer?.browser.get(path) as Promise<Response>);
    expect(masked).toContain("con_named");
    expect(masked).not.toContain("Lovelace");
    // Nobody is kept from deciding because a name cannot be read.
    const unknown = await session.call("crm_log_activity", {
      ...args,
      company_id: "cmp_gone",
      contact_id: "con_gone",
    });
    expect(await textOf(admin?.browser.get(pathOf(unknown)) as Promise<Response>)).toContain("cmp_gone");
  });

  it("lets the call run once after it was approved there, and both chains say so", async () => {
    const { path, call, requester } = await askFor({ first_name: "Once", last_name: "Only" });
    const { browser, person } = await openAs("admin");
    const answer = await browser.post(path, approve(person));
    expect(answer.status).toBe(303);
    expect(await textOf(browser.get(answer.headers.get("Location") ?? ""))).toContain(
      "exactly this call, once",
    );
    expect((await call()).isError).toBe(false);
    expect((await call()).error?.code).toBe("approval_required");
    expect(await eventsOf(requester.id)).toContainEqual(
      expect.objectContaining({ type: "approval_granted", by: person.id, tool: TOOL }),
    );
    expect(await eventsOf(person.id)).toContainEqual(
      expect.objectContaining({
        type: "approval_decision",
        granted: true,
        requester: requester.id,
        tool: TOOL,
      }),
    );
  });

  it("refuses with a reason that the requester gets, without secrets and what is not seen", async () => {
    const { path, call, browser: own } = await askFor();
    const { browser, person } = await openAs("admin");
    const reason = `Wrong\u202e one, token ghp_${"a1B2c3D4e5F6".repeat(3)}`;
    await browser.post(path, { subject: person.id, decision: "refuse", reason });
    const { error } = await call();
    expect(error).toMatchObject({ code: "forbidden" });
    expect(error?.message).toContain('They wrote: "Wrong one, token •••"');
    expect(await textOf(own.get(path))).toContain("Wrong one, token •••");
  });

  it("says which arguments differ from the last time, and which the session filled in", async () => {
    const { path, session, browser } = await askFor({ first_name: "One", last_name: "Same" });
    expect(await textOf(browser.get(path))).toContain("for the first time");
    const second = pathOf(await session.call(TOOL, { first_name: "Two", last_name: "Same" }));
    const html = await textOf(browser.get(second));
    expect(html.match(/>Differs</g)).toHaveLength(1);
    expect(html.slice(html.indexOf(">Differs<") - 200, html.indexOf(">Differs<"))).toContain("first_name");
  });

  it("shows hostile arguments as text, and names the characters that are not seen", async () => {
    const { path } = await askFor({ first_name: "<img src=x onerror=alert(1)>", last_name: "a\u202eb" });
    const html = await textOf((await openAs("admin")).browser.get(path));
    expect(html).toContain("&lt;img src=x");
    expect(html).not.toContain("<img");
    expect(html).toContain("a⟨U+202E⟩b");
  });

  it("shows fields as the role of who looks may see them, and stores no secret", async () => {
    setApproves("viewer", [TOOL]);
    const token = `ghp_${"a1B2c3D4e5F6".repeat(3)}`;
    const { path, requester } = await askFor({ ...CONTACT, title: token });
    const [viewer, admin] = [await openAs("viewer"), await openAs("admin")];
    const masked = await textOf(viewer.browser.get(path));
    expect(masked).toContain("a•••@people.example");
    expect(masked).not.toContain("ada@people.example");
    expect(await textOf(admin.browser.get(path))).not.toContain(token);
    expect(JSON.stringify((await findApproval(requester.id)).shown)).not.toContain(token);
    setApproves("viewer", []);
  });
});

describe("a request is not decided", { timeout: 20_000 }, () => {
  it("by a link that was changed, made with another secret, or leads nowhere", async () => {
    const { path, requester } = await askFor();
    const { browser, person } = await openAs("admin");
    const link = path.slice("/approvals/".length);
    const named = await openApprovalLink(openKeyring(env, "APPROVAL_LINK_KEY"), link);
    expect(named?.requester).toBe(requester.id);
    const flipped = [0, 70, link.length - 1].map(
      (at) => `${link.slice(0, at)}${link[at] === "a" ? "b" : "a"}${link.slice(at + 1)}`,
    );
    const foreign = await signApprovalLink(
      [{ version: 1, secret: "another-secret-of-at-least-32-characters" }],
      named as never,
    );
    for (const bad of [...flipped, foreign, link.slice(2), `${link}aa`, "x", "%00"]) {
      expect((await browser.get(`/approvals/${bad}`)).status, bad).toBe(400);
      expect((await browser.post(`/approvals/${bad}`, approve(person))).status, bad).toBe(400);
    }
    const gone = { approvalId: crypto.randomUUID(), requester: requester.id };
    const nowhere = await signApprovalLink(openKeyring(env, "APPROVAL_LINK_KEY"), gone);
    expect((await browser.get(`/approvals/${nowhere}`)).status).toBe(404);
    expect((await findApproval(requester.id)).state).toBe("pending");
  });

  it("by somebody whose role does not approve the tool, who is shown nothing of it", async () => {
    const { path } = await askFor();
    const { browser, person } = await openAs("editor");
    const answer = await browser.get(path);
    expect(answer.status).toBe(403);
    expect(await answer.text()).not.toContain("Lovelace");
    expect((await browser.post(path, approve(person))).status).toBe(403);
  });

  it("by an approver who lost the role after opening the page", async () => {
    const { path, requester } = await askFor();
    const { browser, person } = await openAs("admin");
    expect((await browser.get(path)).status).toBe(200);
    await env.PLATFORM_DB.prepare(`UPDATE "user" SET "role" = 'editor' WHERE "id" = ?`).bind(person.id).run();
    expect((await browser.post(path, approve(person))).status).toBe(403);
    expect((await findApproval(requester.id)).state).toBe("pending");
  });

  it("by whoever asked, even with a role that approves; they may withdraw it", async () => {
    setApproves("sales", ["*"]);
    const { path, browser, requester, call } = await askFor();
    const html = await textOf(browser.get(path));
    expect(html).toContain("nobody approves a call of their own apps");
    expect(html).not.toContain('value="approve"');
    expect((await browser.post(path, approve(requester))).status).toBe(403);
    expect((await browser.post(path, { subject: requester.id, decision: "refuse" })).status).toBe(303);
    expect((await call()).error?.code).toBe("forbidden");
    setApproves("sales", []);
  });

  it("twice, too late, or under a policy that has changed", async () => {
    const { path, requester } = await askFor();
    const { browser, person } = await openAs("admin");
    const changeBack = changeVersion();
    expect(await textOf(browser.get(path))).toContain("The policy has changed since");
    expect((await browser.post(path, approve(person))).status).toBe(409);
    changeBack();
    expect((await browser.post(path, approve(person))).status).toBe(303);
    const again = await browser.post(path, approve(person));
    expect(again.status).toBe(409);
    expect(await again.text()).toContain("decided already");

    const late = await askFor();
    const item = await findApproval(late.requester.id);
    const object = env.PRINCIPAL.get(env.PRINCIPAL.idFromName(late.requester.id));
    await runInDurableObject(object, (_principal, { storage: { sql } }) => {
      sql.exec("UPDATE approval SET expires_at = 1, body = json_set(body, '$.expiresAt', 1)");
    });
    expect((await browser.get(late.path)).status).toBe(410);
    expect((await browser.post(late.path, approve(person))).status).toBe(410);
    expect((await approvalGate(env, late.requester.id).readApproval(item.approvalId))?.state).toBe("expired");
    expect(requester.id).not.toBe(late.requester.id);
  });

  it("for an app that was disconnected or a person who is disabled, and the page says so", async () => {
    const app = await askFor();
    const { browser, person } = await openAs("admin");
    const item = await findApproval(app.requester.id);
    await principalGate(env, app.requester.id).revokeGrant(item.binding.grantId);
    expect(await textOf(browser.get(app.path))).toContain("has been disconnected");
    expect((await browser.post(app.path, approve(person))).status).toBe(409);
    const gone = await askFor();
    await env.PLATFORM_DB.prepare(`UPDATE "user" SET "disabled" = 1 WHERE "id" = ?`)
      .bind(gone.requester.id)
      .run();
    expect(await textOf(browser.get(gone.path))).toContain("is not active any more");
    expect((await browser.post(gone.path, approve(person))).status).toBe(409);
    expect(await textOf(browser.get("/approvals"))).not.toContain(gone.path);
  });

  it("by a form of another site, of another person on this browser, or without an answer", async () => {
    const { path, requester } = await askFor();
    const { browser, person } = await openAs("admin");
    const stranger = await createPerson("admin");
    expect((await browser.post(path, approve(stranger))).status).toBe(409);
    expect((await browser.post(path, { subject: person.id, decision: "yes" })).status).toBe(422);
    browser.headers = { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" };
    expect((await browser.post(path, approve(person))).status).toBe(403);
    expect((await findApproval(requester.id)).state).toBe("pending");
  });
});

describe("a person who may approve calls of their own apps", { timeout: 20_000 }, () => {
  beforeEach(() => setApprovals("sales", [{ ...RULE, self_approval: true }]));

  it("does it with a fresh sign-in, and is asked for one otherwise", async () => {
    const { path, browser, requester, call } = await askFor({ first_name: "Own", last_name: "Call" });
    await ageSignIn(requester);
    const html = await textOf(browser.get(path));
    expect(html).toContain("Sign in again");
    expect(html).not.toContain('value="approve"');
    expect((await browser.post(path, approve(requester))).status).toBe(403);
    const out = await browser.post("/sign-out", { next: path });
    expect(out.headers.get("Location")).toBe(`/sign-in?next=${encodeURIComponent(path)}`);
    const fresh = await signIn(requester);
    expect(await textOf(fresh.get(path))).toContain('value="approve"');
    expect((await fresh.post(path, approve(requester))).status).toBe(303);
    expect((await call()).isError).toBe(false);
  });

  it("does it with a fresh second factor once one is set up, however fresh the sign-in is", async () => {
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

  it("does it with no sign-in at all, however fresh, where the role requires a second factor that is not set up", async () => {
    const { path, browser, requester } = await askFor({ first_name: "No", last_name: "Factor" });
    setSecondFactor("sales", { required: true });
    try {
      expect(await textOf(browser.get(path))).toContain("/account/second-factor?next=");
      expect((await browser.post(path, approve(requester))).status).toBe(403);
    } finally {
      setSecondFactor("sales", {});
    }
  });

  it("does not thereby approve anybody else's", async () => {
    const { path } = await askFor();
    const { browser, person } = await openAs("sales");
    expect((await browser.post(path, approve(person))).status).toBe(403);
  });
});

describe("the list of approvals", { timeout: 20_000 }, () => {
  it("needs a sign-in", async () => {
    const answer = await new TestBrowser().get("/approvals");
    expect(answer.headers.get("Location")).toBe("/sign-in?next=%2Fapprovals");
  });

  it("shows each of two people their own requests and what they may decide, and no argument", async () => {
    const [one, two] = [await askFor({ first_name: "Uno", last_name: "Zebra" }), await askFor()];
    await findApproval(one.requester.id);
    await findApproval(two.requester.id);
    const { browser: admin } = await openAs("admin");
    const [ownOne, ownTwo, inbox] = await Promise.all(
      [one.browser, two.browser, admin].map((browser) => textOf(browser.get("/approvals"))),
    );
    expect(ownOne).toContain(one.path);
    expect(ownOne).not.toContain(two.path);
    expect(ownTwo).toContain(two.path);
    expect(ownTwo).not.toContain("Waiting for you");
    for (const { path } of [one, two]) expect(inbox).toContain(path);
    expect(inbox).not.toContain("Zebra");
    expect(await textOf(one.browser.get("/account"))).toContain('href="/approvals"');
  });

  it("leads from page to page, newest first", async () => {
    const { person, browser } = await openAs("sales");
    const insert = env.PLATFORM_DB.prepare(
      `INSERT INTO approval VALUES (?1, ?2, 'client', 'crm', ?5, 'pending', 0, ?3, ?4, NULL, ?3, 1)`,
    );
    const rows = Array.from({ length: 45 }, (_, index) =>
      insert.bind(crypto.randomUUID(), person.id, 1_000 + index, Date.now() + 1e9, `tool_${1_000 + index}`),
    );
    await env.PLATFORM_DB.batch(rows);
    const seen: string[] = [];
    for (let path: string | undefined = "/approvals"; path !== undefined; ) {
      const html: string = await textOf(browser.get(path));
      seen.push(...[...html.matchAll(/<code>(tool_\d+)<\/code>/g)].map(([, tool = ""]) => tool));
      path = /href="(\/approvals\?own=[^"]+)"/.exec(html)?.[1];
    }
    expect(seen).toEqual(Array.from({ length: 45 }, (_, index) => `tool_${1_044 - index}`));
    expect((await browser.get("/approvals?own=nonsense&waiting=';--")).status).toBe(200);
  });

  it("forgets what ended a month ago", async () => {
    const insert = env.PLATFORM_DB.prepare(
      `INSERT INTO approval VALUES (?1, 'x', 'c', 's', 't', ?2, 0, 1, 1, NULL, ?3, 1)`,
    );
    const now = Date.now();
    await env.PLATFORM_DB.batch([
      insert.bind("old", "returned", now - 31 * 86_400_000),
      insert.bind("new", "returned", now - 29 * 86_400_000),
      insert.bind("open", "pending", now - 31 * 86_400_000),
    ]);
    await runMaintenance(env);
    const { results } = await env.PLATFORM_DB.prepare(
      "SELECT id FROM approval WHERE requester = 'x' ORDER BY id",
    ).all();
    expect(results).toEqual([{ id: "new" }, { id: "open" }]);
  });
});
