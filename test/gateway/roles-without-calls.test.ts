import { beforeAll, describe, expect, it } from "vitest";
import { eventsOf } from "../audit/trail.ts";
import { authorize, openConsent, registerClient } from "../support/oauth.ts";
import { setApprovals, setApproves } from "../support/policy.ts";
import { openSession } from "../support/session.ts";
import { approve, askFor, openAs, RULE, textOf } from "./waiting-call.ts";

beforeAll(() => {
  setApprovals("sales", [RULE]);
  setApproves("admin", []);
});

describe.each(["approver", "auditor"])("a person with the role %s", (role) => {
  it("is offered no permission for an app, and no app gets a token in their name", async () => {
    const { browser } = await openAs(role);
    const pending = await authorize(await registerClient(), { resource: "/mcp/crm" });
    expect((await openConsent(browser, pending)).offered).toEqual([]);
    // Agreed to before the role was given.
    const session = openSession({ server: "crm", lane: "stateless", as: `${role}-app`, role });
    await expect(session).rejects.toThrow("role no longer allows any of these permissions");
  });
});

describe("the approver", () => {
  it("approves a call of another person, which then runs, and opens no page of the console", async () => {
    const waiting = await askFor();
    const { person, browser } = await openAs("approver");
    expect(await textOf(browser.get("/approvals"))).toContain("Sam Seller");
    const decided = await browser.post(waiting.path, approve(person));
    expect(decided.status).toBe(303);
    const ran = await waiting.call();
    expect(ran.isError).toBe(false);
    expect((await eventsOf(waiting.requester.id)).some((event) => event.type === "approval_executed")).toBe(
      true,
    );
    for (const page of ["overview", "trail", "people", "policy", "settings"]) {
      expect((await browser.get(`/console/${page}`)).status, page).toBe(403);
    }
  });
});

describe("the auditor", () => {
  it("reads figures and trail, and decides, changes and gives nothing", async () => {
    const waiting = await askFor({ first_name: "Bea", last_name: "Two", email: "bea@people.example" });
    const { person, browser } = await openAs("auditor");
    for (const page of ["overview", "trail"])
      expect((await browser.get(`/console/${page}`)).status).toBe(200);
    for (const page of [
      "people",
      "policy",
      "connections",
      "sessions",
      "dead-letters",
      "alerts",
      "settings",
    ]) {
      expect((await browser.get(`/console/${page}`)).status, page).toBe(403);
    }
    expect((await browser.post(waiting.path, approve(person))).status).toBe(403);
    const change = { subject: person.id, change: "role", role: "admin" };
    const forms = [`/console/people/${person.id}`, "/console/people/invite", "/console/policy/drafts"];
    for (const form of forms) expect((await browser.post(form, change)).status, form).toBe(403);
    setApproves("auditor", []);
    expect((await waiting.call()).isError).toBe(true);
  });
});
