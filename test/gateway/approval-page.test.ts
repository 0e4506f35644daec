import { beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../audit/trail.ts";
import { addCompany, addContact } from "../crm/rows.ts";
import { findApproval, pathOf } from "../support/approvals.ts";
import { TestBrowser } from "../support/oauth.ts";
import { setApprovals, setApproves } from "../support/policy.ts";
import { approve, askFor, CONTACT, letCallsWait, openAs, RULE, TOOL, textOf } from "./waiting-call.ts";

beforeEach(letCallsWait);

describe("the page of a request", { timeout: 20_000 }, () => {
  it("asks for a sign-in first, and returns to the request", async () => {
    const { path } = await askFor();
    const browser = new TestBrowser();
    for (const answer of [await browser.get(path), await browser.post(path, { decision: "approve" })]) {
      expect(answer.status).toBe(303);
      expect(answer.headers.get("Location")).toBe(`/sign-in?next=${encodeURIComponent(path)}`);
    }
    expect(await textOf(browser.get(`/sign-in?next=${encodeURIComponent(path)}`))).toContain("A call waits");
  });

  it("shows exactly the call, its user and app, the reason and the time left", async () => {
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

  it("describes the records behind the ids, escaped, and masked for the reader", async () => {
    await addCompany("cmp_named", "<b>Acme</b> \u202eRockets");
    await addContact("con_named", "Ada Lovelace", { company_id: "cmp_named" });
    setApprovals("sales", [{ ...RULE, tools: ["crm_log_activity"] }]);
    setApproves("viewer", ["crm_*"]);
    const args = { kind: "note", subject: "Hello", company_id: "cmp_named", contact_id: "con_named" };
    const { session, path } = await askFor(args, "crm_log_activity");
    const [admin, viewer] = [await openAs("admin"), await openAs("viewer")];
    const shown = await textOf(admin.browser.get(path));
    expect(shown).toContain("<strong>&lt;b&gt;Acme&lt;/b&gt; Rockets</strong>");
    expect(shown).toContain("<strong>Ada Lovelace, &lt;b&gt;Acme");
    const masked = await textOf(viewer.browser.get(path));
    expect(masked).toContain("con_named");
    expect(masked).not.toContain("Lovelace");
    // The tool would refuse a record that is missing: it does so before a person is asked.
    const unknown = await session.call("crm_log_activity", {
      ...args,
      company_id: "cmp_gone",
      contact_id: "con_gone",
    });
    expect(unknown.error?.code).toBe("not_found");
  });

  it("lets the call run once after its approval there, and both chains record it", async () => {
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

  it("refuses with a reason that the requester gets, without secrets and invisible characters", async () => {
    const { path, call, browser: own } = await askFor();
    const { browser, person } = await openAs("admin");
    const reason = `Wrong\u202e one, token ghp_${"a1B2c3D4e5F6".repeat(3)}`;
    await browser.post(path, { subject: person.id, decision: "refuse", reason });
    const { error } = await call();
    expect(error).toMatchObject({ code: "forbidden" });
    expect(error?.message).toContain('They wrote: "Wrong one, token •••"');
    expect(await textOf(own.get(path))).toContain("Wrong one, token •••");
  });

  it("marks arguments that differ from the last time, and those that the session filled in", async () => {
    const { path, session, browser } = await askFor({ first_name: "One", last_name: "Same" });
    expect(await textOf(browser.get(path))).toContain("for the first time");
    const second = pathOf(await session.call(TOOL, { first_name: "Two", last_name: "Same" }));
    const html = await textOf(browser.get(second));
    expect(html.match(/>Differs</g)).toHaveLength(1);
    expect(html.slice(html.indexOf(">Differs<") - 200, html.indexOf(">Differs<"))).toContain("first_name");
  });

  it("shows hostile arguments as text, and names invisible characters", async () => {
    const { path } = await askFor({ first_name: "<img src=x onerror=alert(1)>", last_name: "a\u202eb" });
    const html = await textOf((await openAs("admin")).browser.get(path));
    expect(html).toContain("&lt;img src=x");
    expect(html).not.toContain("<img");
    expect(html).toContain("a⟨U+202E⟩b");
  });

  it("masks fields for the reader's role, and stores no secret", async () => {
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
