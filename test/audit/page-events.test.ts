import { describe, expect, it } from "vitest";
import { ANONYMOUS_CHAIN, type AuditEvent } from "../../shared/audit/record.ts";
import {
  authorize,
  connect,
  createPerson,
  decide,
  openConsent,
  PASSWORD,
  registerClient,
  signIn,
  TestBrowser,
} from "../support/oauth.ts";
import { awaitEvents, eventsOf, linksOf } from "./trail.ts";

const typesOf = (events: AuditEvent[]) => events.map(({ type }) => type);

describe("the actions of users on the pages", () => {
  it("is recorded: signing in, giving and refusing consent, revoking, changing the password", async () => {
    const person = await createPerson("sales");
    const { browser, clientId } = await connect(person, { resource: "/mcp/crm", tick: ["crm:read"] });
    const pending = await authorize(await registerClient(), { resource: "/mcp/crm" });
    await decide(browser, pending, await openConsent(browser, pending), "deny");
    const [grant = ""] =
      /href="\/account\/apps\/([^"]+)"/.exec(await (await browser.get("/account")).text())?.slice(1) ?? [];
    await browser.post("/account/revoke", { grant });
    await browser.post("/account/password", { current: "wrong", new: "another long password" });
    await browser.post("/account/password", { current: PASSWORD, new: "another long password" });
    const events = await awaitEvents(person.id, 6);
    expect(events).toMatchObject([
      { type: "sign_in", succeeded: true },
      {
        type: "consent",
        given: true,
        clientId,
        scopes: ["crm:read"],
        resource: expect.stringMatching(/\/mcp\/crm$/),
      },
      { type: "consent", given: false, clientId: pending.clientId, scopes: [] },
      { type: "revocation", grantId: grant },
      { type: "password_change", succeeded: false },
      { type: "password_change", succeeded: true },
    ]);
    const text = JSON.stringify(await linksOf(person.id));
    for (const secret of [person.email, PASSWORD, "another long password"])
      expect(text).not.toContain(secret);
  });

  it("is recorded when they sign out, once, and nothing is when no user was signed in", async () => {
    const person = await createPerson("viewer");
    const browser = await signIn(person);
    await browser.post("/sign-out", {});
    await browser.post("/sign-out", {});
    expect(typesOf(await eventsOf(person.id))).toEqual(["sign_in", "sign_out"]);
  });

  it("contains the address, and puts a wrong password into the chain of its user only", async () => {
    const [person, neighbour] = [await createPerson("viewer"), await createPerson("viewer")];
    const browser = new TestBrowser();
    browser.headers = { "cf-connecting-ip": "203.0.113.7" };
    expect((await browser.post("/sign-in", { email: person.email, password: "a wrong guess" })).status).toBe(
      401,
    );
    await signIn(neighbour);
    expect(await awaitEvents(person.id, 1)).toMatchObject([
      { type: "sign_in", succeeded: false, ip: "203.0.113.7" },
    ]);
    expect(typesOf(await awaitEvents(neighbour.id, 1))).toEqual(["sign_in"]);
  });

  it("contains nothing of a stranger's input", async () => {
    const typed = { email: "mistyped@private.example", password: "a stranger's secret" };
    expect((await new TestBrowser().post("/sign-in", typed)).status).toBe(401);
    const tries = async () => (await eventsOf(ANONYMOUS_CHAIN)).filter(({ type }) => type === "sign_in");
    await expect.poll(tries).toMatchObject([{ type: "sign_in", succeeded: false }]);
    const text = JSON.stringify(await linksOf(ANONYMOUS_CHAIN));
    expect(text).not.toContain("mistyped");
    expect(text).not.toContain("stranger's secret");
  });
});
