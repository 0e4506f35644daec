import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { POLICY_CHAIN } from "../../shared/audit/record.ts";
import { canonicalize, digestText } from "../../shared/encoding/canonical-json.ts";
import { readPolicy } from "../../shared/policy/changes/read-policy.ts";
import { policyInForce } from "../../shared/policy/current.ts";
import {
  closeDraft,
  findDraft,
  findWrittenText,
  saveDraft,
} from "../../workers/gateway/console/policy/drafts.ts";
import { callsOf } from "../audit/calls.ts";
import { allEventsOf, deliver } from "../audit/trail.ts";
import { createPerson, type TestBrowser, type TestPerson } from "../support/oauth.ts";
import { publish, readState } from "../support/publish.ts";
import { openAs, textOf } from "./waiting-call.ts";

const HOSTILE = `</textarea><script>alert("x")</script>`;

/** A draft as its page shows it. */
interface OpenedDraft {
  path: string;
  text: string;
  revision: string;
  base: string;
  html: string;
}

const readHtml = (html: string) =>
  html
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&");

async function look(browser: TestBrowser, path: string): Promise<OpenedDraft> {
  const html = await textOf(browser.get(path));
  const value = (name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(html)?.[1] ?? "";
  const [, text = ""] = /<textarea[^>]*>\n?([\s\S]*?)<\/textarea>/.exec(html) ?? [];
  return { path, text: readHtml(text), revision: value("revision"), base: value("base"), html };
}

async function begin(browser: TestBrowser, person: TestPerson, version?: number): Promise<OpenedDraft> {
  const fields = { subject: person.id, ...(version !== undefined && { version: String(version) }) };
  const answer = await browser.post("/console/policy/drafts", fields);
  expect(answer.status).toBe(303);
  return look(browser, String(answer.headers.get("Location")).replace("?done=begun", ""));
}

/** Saves a change of a draft's text, and looks at it again. */
async function change(
  browser: TestBrowser,
  person: TestPerson,
  draft: OpenedDraft,
  from: string,
  to: string,
) {
  expect(draft.text).toContain(from);
  const answer = await browser.post(draft.path, {
    subject: person.id,
    revision: draft.revision,
    text: draft.text.replace(from, () => to).replaceAll("\n", "\r\n"),
  });
  expect(answer.status).toBe(303);
  return look(browser, draft.path);
}

const publishIt = (browser: TestBrowser, person: TestPerson, draft: OpenedDraft, more = {}) =>
  browser.post(`${draft.path}/publish`, {
    subject: person.id,
    revision: draft.revision,
    base: draft.base,
    note: "Because.",
    ...more,
  });

/** The block of the viewer role begins with this in every text. */
const VIEWER = "Reads finished figures, customers and articles, and changes nothing.";

beforeEach(() => env.PLATFORM_DB.prepare("DELETE FROM policy_draft").run());

describe("the policy in the console", { timeout: 30_000 }, () => {
  it("goes from draft to difference to publication, in force at the next request and recorded", async () => {
    const { browser, person } = await openAs("admin");
    const { browser: viewer } = await openAs("viewer");
    expect((await viewer.get("/console/trail")).status).toBe(403);
    const before = await readState();
    let draft = await begin(browser, person);
    expect(draft.html).toContain("No role can do more or less");
    draft = await change(browser, person, draft, "  viewer:\n", "  viewer:\n    console: [trail]\n");
    expect(draft.html).toContain("+ console right trail");
    expect((await viewer.get("/console/trail")).status).toBe(403);
    const answer = await publishIt(browser, person, draft);
    const { version, publication } = await readState();
    expect(answer.headers.get("Location")).toBe(`/console/policy?published=${version}`);
    expect(publication).toBe(before.publication + 1);
    expect((await viewer.get("/console/trail")).status).toBe(200);
    const written = readPolicy("draft", draft.text).value;
    const digest = digestText(canonicalize(written));
    expect(await policyInForce(env)).toMatchObject({ version, digest, publication });
    const [newest] = (await allEventsOf(POLICY_CHAIN)).slice(-1);
    expect(newest).toMatchObject({
      type: "policy_change",
      publication,
      to: version,
      digest,
      by: `/console/policy (${person.id})`,
      note: "Because.",
    });
    const html = await textOf(browser.get(`/console/policy?published=${version}`));
    expect(html).toContain(`Version ${version} is in force`);
    expect(html).toContain("There are none. A draft changes nothing");
    // A draft of it keeps its text, comments and order included.
    expect((await begin(browser, person)).text).toBe(draft.text);
  });

  it("names the line of every mistake, publishes none of them, and shows hostile text as text", async () => {
    const { browser, person } = await openAs("admin");
    const before = await readState();
    let draft = await begin(browser, person);
    const lines = draft.text.split("\n");
    const at = lines.indexOf("  viewer:") + 2;
    draft = await change(
      browser,
      person,
      draft,
      "  viewer:\n",
      `  viewer:\n    colour: ${HOSTILE.replace('"x"', "1")}\n    denied_prompts: [crm_nothing_]\n`,
    );
    expect(draft.html).toContain(`Line ${at} <code>roles.viewer.colour</code>`);
    expect(draft.html).not.toContain("<script>");
    expect((await publishIt(browser, person, draft)).status).toBe(422);
    draft = await change(browser, person, draft, `    colour: ${HOSTILE.replace('"x"', "1")}\n`, "");
    expect(draft.html).toContain(`Line ${at} <code>roles.viewer.denied_prompts[0]</code>`);
    expect(draft.html).toContain("names no prompt");
    expect((await publishIt(browser, person, draft)).status).toBe(422);
    draft = await change(browser, person, draft, "    denied_prompts: [crm_nothing_]\n", "  }: {\n");
    expect(draft.html).toContain("Not valid YAML");
    expect(await readState()).toEqual(before);
  });

  it("takes what the policy in force names already, and warns of it where this deployment lacks it", async () => {
    const { browser, person } = await openAs("admin");
    const draft = await begin(browser, person);
    expect(draft.html).toContain("&quot;demoshop_*&quot; names no tool.");
    expect(draft.html).not.toContain("mistakes</h2>");
  });

  it("publishes nothing over what another person published meanwhile, until the draft was compared with it", async () => {
    const { browser, person } = await openAs("admin");
    let draft = await begin(browser, person);
    draft = await change(browser, person, draft, VIEWER, "Reads and changes nothing.");
    await publish(({ retention }) => void Object.assign(retention, { sign_ins_days: 77 }));
    const between = await readState();
    const answer = await publishIt(browser, person, draft);
    expect(answer.status).toBe(409);
    const html = await answer.text();
    expect(html).toContain(`version ${between.version}. Look at the difference again.`);
    expect(html).toContain("retention sign_ins_days: 77 → 90");
    expect(await readState()).toEqual(between);
    const moved = await browser.post(`${draft.path}/base`, {
      subject: person.id,
      revision: draft.revision,
      base: String(between.publication),
    });
    expect(moved.headers.get("Location")).toBe(`${draft.path}?done=base`);
    // The page that was open before names the old base.
    expect((await publishIt(browser, person, draft)).status).toBe(409);
    const seen = await look(browser, draft.path);
    expect((await publishIt(browser, person, seen, { own: "seen" })).status).toBe(303);
  });

  it("lets one of two people save who changed the same draft, and keeps the text of the other", async () => {
    const one = await openAs("admin");
    const other = await openAs("admin");
    const draft = await begin(one.browser, one.person);
    const save = (by: typeof one, text: string) =>
      by.browser.post(draft.path, { subject: by.person.id, revision: draft.revision, text });
    expect((await save(one, `# one\n${draft.text}`)).status).toBe(303);
    const refused = await save(other, `# other\n${draft.text}`);
    expect(refused.status).toBe(409);
    expect(await refused.text()).toContain("# other");
    expect((await look(one.browser, draft.path)).text).toMatch(/^# one\n/);
    // Who looked before the change publishes nothing of it, and removes nothing.
    expect((await publishIt(one.browser, one.person, draft)).status).toBe(409);
    const fields = { subject: one.person.id, revision: draft.revision };
    expect((await one.browser.post(`${draft.path}/remove`, fields)).status).toBe(409);
    const now = await look(one.browser, draft.path);
    expect(
      (await one.browser.post(`${draft.path}/remove`, { ...fields, revision: now.revision })).status,
    ).toBe(303);
    expect((await one.browser.get(draft.path)).status).toBe(404);
  });

  it("keeps a text that was saved during a publication as a draft, and not as what was published", async () => {
    const { browser, person } = await openAs("admin");
    const { path } = await begin(browser, person);
    const draft = await findDraft(env.PLATFORM_DB, path.split("/").at(-1) ?? "");
    if (draft === null) throw new Error("There is no draft.");
    expect(await saveDraft(env.PLATFORM_DB, draft, "roles: {} # later", person.id)).toBe(true);
    const { version, publication } = await readState();
    await closeDraft(env.PLATFORM_DB, draft, publication);
    expect((await look(browser, path)).text).toBe("roles: {} # later");
    expect(await findWrittenText(env.PLATFORM_DB, version)).toBeNull();
  });

  it("puts in force what the draft of an earlier version shows, also where that version says something else", async () => {
    await publish(({ retention }) => void Object.assign(retention, { sign_ins_days: 71 }));
    const { browser, person } = await openAs("admin");
    const { path, text } = await begin(browser, person, 1);
    const shown = text.replace(VIEWER, "Reads what this draft shows.");
    expect(shown).not.toBe(text);
    // Version 1 belongs to the release: a deployment changes it while a draft of it is open.
    await env.PLATFORM_DB.prepare("UPDATE policy_draft SET text = ? WHERE id = ?")
      .bind(shown, path.split("/").at(-1))
      .run();
    const before = await readState();
    const seen = await look(browser, path);
    expect((await publishIt(browser, person, seen, { own: "seen" })).status).toBe(303);
    const { version, publication } = await readState();
    expect(version).toBe(before.newest + 1);
    const digest = digestText(canonicalize(readPolicy("draft", shown).value));
    expect(await policyInForce(env, publication)).toMatchObject({ version, digest });
  });

  it("shows plainly what one's own role gains, and asks for a look at it", async () => {
    await publish(({ roles }) => {
      const { admin, analyst } = roles;
      if (analyst) analyst.console = ["policy"];
      if (admin) admin.console = ["*"];
    });
    await policyInForce(env, (await readState()).publication);
    const { browser, person } = await openAs("analyst");
    let draft = await begin(browser, person);
    const [, block = ""] = /\n {2}analyst:\n[\s\S]*?console:\n( +- policy\n)/.exec(draft.text) ?? [];
    draft = await change(browser, person, draft, block, `${block}${block.replace("policy", "people")}`);
    expect(draft.html).toContain("It changes what you may do yourself");
    expect(draft.html).toMatch(/analyst <span class="badge caution">your role/);
    const refused = await publishIt(browser, person, draft);
    expect(refused.status).toBe(422);
    expect(await refused.text()).toContain("what your own role gains");
    expect((await browser.get("/console/people")).status).toBe(403);
    expect((await publishIt(browser, person, draft, { own: "seen" })).status).toBe(303);
    expect((await browser.get("/console/people")).status).toBe(200);
  });

  it("takes a second person where the policy says so, also to go back, and records both", async () => {
    await publish((document) => void Object.assign(document, { publish: "two_people" }));
    const author = await openAs("admin");
    const other = await openAs("admin");
    const between = await readState();
    for (const version of [between.version, 1]) {
      let draft = await begin(author.browser, author.person, version);
      if (version !== 1) draft = await change(author.browser, author.person, draft, VIEWER, "Reads only.");
      expect(draft.html).toContain("The policy takes two people");
      const refused = await publishIt(author.browser, author.person, draft, {
        base: String(between.publication),
      });
      expect([refused.status, (await readState()).publication]).toEqual([422, between.publication]);
      if (version !== 1) continue;
      // The way back to a policy that takes one person takes two.
      const seen = await look(other.browser, draft.path);
      expect(seen.html).toContain("publishing: two_people → one_person");
      expect((await publishIt(other.browser, other.person, seen, { own: "seen" })).status).toBe(303);
    }
    expect((await readState()).version).toBe(1);
    const [newest] = (await allEventsOf(POLICY_CHAIN)).slice(-1);
    expect(newest).toMatchObject({
      to: 1,
      by: `/console/policy (${other.person.id}, written by ${author.person.id})`,
    });
    const html = await textOf(other.browser.get("/console/policy"));
    expect(html).toContain(`${other.person.name}, written by ${author.person.name}`);
  });

  it("counts for the person who saw the form only", async () => {
    const { browser, person } = await openAs("admin");
    const stranger = await createPerson("admin");
    const draft = await begin(browser, person);
    const fields = { subject: stranger.id, revision: draft.revision, base: draft.base, note: "x", text: "x" };
    for (const path of ["", "/base", "/publish", "/remove"]) {
      expect((await browser.post(`${draft.path}${path}`, fields)).status).toBe(409);
    }
    expect((await browser.post("/console/policy/drafts", fields)).status).toBe(409);
    expect((await look(browser, draft.path)).text).toBe(draft.text);
  });

  it("explains a decision of a person, a tool and arguments by its rule and line", async () => {
    const { browser, person } = await openAs("admin");
    const seller = await createPerson("sales");
    const draft = await begin(browser, person);
    const ask = (fields: Record<string, string>) =>
      browser.post("/console/policy/explain", { draft: draft.path.split("/").at(-1) ?? "", ...fields });
    const won = { person: seller.email, tool: "crm_move_deal", args: '{"stage":"won"}' };
    const html = await textOf(ask(won));
    expect(html).toContain("<h2>Needs an approval</h2>");
    expect(html).toContain("roles.sales.require_approval.book-won-deals");
    const line = draft.text.split("\n").findIndex((text) => text.includes("book-won-deals")) + 1;
    expect(html).toContain(` in line ${line}`);
    expect(await textOf(ask({ ...won, args: '{"stage":"lost"}' }))).toContain("<h2>Allowed</h2>");
    expect(await textOf(ask({ role: "viewer", tool: "crm_move_deal" }))).toContain("<h2>Denied</h2>");
    const read = await textOf(ask({ ...won, session: "private untrusted" }));
    expect(read).toContain("<dd>reads private</dd>");
    for (const [fields, text] of [
      [{ ...won, session: "secret" }, "What the session has read before names"],
      [{ ...won, args: "[]" }, "Arguments is not a JSON object."],
      [{ ...won, person: "x@example.com" }, "No person has this address."],
      [{ ...won, tool: HOSTILE }, "Nothing is called"],
      [{ tool: "crm_move_deal" }, "Name a person or a role."],
    ] as const) {
      const answer = await ask(fields);
      const shown = await answer.text();
      expect([answer.status, shown.includes("<script")]).toEqual([422, false]);
      expect(shown).toContain(text);
    }
  });

  it("replays recorded calls against a draft and lists what would be decided otherwise", async () => {
    const { browser, person } = await openAs("admin");
    const caller = await createPerson("sales", `Sam ${HOSTILE}`);
    await deliver(
      callsOf(caller.id, [
        { ms: 1, status: "ok" },
        { ms: 1, status: "ok" },
      ]),
    );
    let draft = await begin(browser, person);
    draft = await change(
      browser,
      person,
      draft,
      "  sales:\n",
      "  sales:\n    denied_tools: [crm_find_contacts]\n",
    );
    const html = await textOf(browser.get(`${draft.path}/simulate?days=30`));
    expect(html).toMatch(/\d+ calls of 30 days: \d+ would be decided otherwise/);
    expect(html).toContain("crm_<wbr/>find_<wbr/>contacts");
    expect(html).toContain("<strong>deny</strong>");
    expect(html).not.toContain("<script");
    const same = await begin(browser, person);
    expect(await textOf(browser.get(`${same.path}/simulate`))).toContain(
      "nothing would be decided otherwise",
    );
  });
});
