import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ADMINISTRATION } from "../../shared/audit/record.ts";
import { removeEndedWork } from "../../workers/gateway/console/sessions/open-work.ts";
import { allEventsOf } from "../audit/trail.ts";
import { openAs, textOf } from "../gateway/waiting-call.ts";
import { replaceRole } from "../invariants/random-policy.ts";
import { connect, createPerson, signIn, TestBrowser } from "../support/oauth.ts";
import { openSession } from "../support/session.ts";
import { comeTo, Receiver, STAGE, subscribe } from "./receiver.ts";

/** A person whose app has a subscription, and their browser. */
async function subscribed() {
  const person = await createPerson("editor", `Eva <b>${crypto.randomUUID().slice(0, 8)}</b>`);
  const browser = await signIn(person);
  const token = await connect(person, { resource: "/mcp/crm", tick: ["crm:read"] }, browser);
  const session = await openSession({ server: "crm", lane: "stateless", token });
  const receiver = new Receiver();
  const { id } = (await subscribe(session, receiver)).result as { id: string };
  return { person, browser, session, receiver, id };
}

const rowOf = (id: string) =>
  env.PLATFORM_DB.prepare("SELECT * FROM open_subscription WHERE id = ?").bind(id).first();

beforeEach(() => void replaceRole("editor", { allowed_events: ["*"] }));

describe("subscriptions to events", { timeout: 30_000 }, () => {
  it("are seen and ended by their person, and by no other", async () => {
    const [one, other] = [await subscribed(), await subscribed()];
    expect(await textOf(one.browser.get("/account"))).toContain("/account/subscriptions");
    const html = await textOf(one.browser.get("/account/subscriptions"));
    expect(html).toContain(`<code>${STAGE}</code>`);
    expect(html).toContain(new URL(one.receiver.url).host);
    expect(html).toContain(one.id);
    expect(html).not.toContain(other.id);
    for (const secret of [one.receiver.secret, one.receiver.name]) expect(html).not.toContain(secret);
    const end = (by: typeof one, subscription: string, subject = by.person.id) =>
      by.browser.post("/account/subscriptions", { subject, subscription });
    expect((await end(other, one.id)).status).toBe(404);
    expect((await end(one, one.id, other.person.id)).status).toBe(409);
    expect(await rowOf(one.id)).toMatchObject({ person: one.person.id, name: STAGE });
    expect((await end(one, one.id)).headers.get("Location")).toBe("/account/subscriptions?done=ended");
    expect((await end(one, one.id)).status).toBe(404);
    expect(await textOf(one.browser.get("/account/subscriptions"))).toContain("None of your apps");
    expect(await rowOf(one.id)).toBeNull();
    expect(await rowOf(other.id)).not.toBeNull();
    expect((await allEventsOf(one.person.id)).at(-1)).toMatchObject({
      type: "event_subscription",
      change: "ended",
      subscriptionId: one.id,
      reason: "ended_on_page",
    });
  });

  it("are seen and ended by an administrator, who is recorded, and are not there without the right", async () => {
    const { person, session, receiver, id } = await subscribed();
    const { browser, person: admin } = await openAs("admin");
    const html = await textOf(browser.get("/console/sessions/subscriptions"));
    expect(html).toContain(`value="${id}"`);
    expect(html).toContain("Eva &lt;b&gt;");
    for (const secret of [receiver.secret, receiver.name]) expect(html).not.toContain(secret);
    const narrowed = await textOf(browser.get(`/console/sessions/subscriptions?person=${admin.id}`));
    expect(narrowed).toContain("No app has a subscription");
    const { browser: seller } = await openAs("sales");
    expect((await seller.get("/console/sessions/subscriptions")).status).toBe(403);
    const answer = await browser.post("/console/sessions/subscriptions", { subject: admin.id, id });
    expect(answer.headers.get("Location")).toBe("/console/sessions/subscriptions?ended=1");
    expect(await rowOf(id)).toBeNull();
    expect((await allEventsOf(ADMINISTRATION)).at(-1)).toEqual({
      type: "work_ended",
      userId: person.id,
      kind: "subscription",
      id,
      by: `/console/sessions (${admin.id})`,
    });
    // A subscription that the app begins again is there again, and goes when its time is over.
    await subscribe(session, receiver);
    expect(await rowOf(id)).not.toBeNull();
    await comeTo(person.id, "UPDATE subscriptions SET until = 1");
    await vi.waitFor(async () => expect(await rowOf(id)).toBeNull());
  });

  it("that were not noted as ended leave the list with their time", async () => {
    const { id } = await subscribed();
    const day = 24 * 60 * 60_000;
    await removeEndedWork(env.PLATFORM_DB, Date.now(), 100);
    expect(await rowOf(id)).not.toBeNull();
    await removeEndedWork(env.PLATFORM_DB, Date.now() + 2 * day, 100);
    expect(await rowOf(id)).toBeNull();
  });

  it("are ended from one address no more than 60 times a minute, for all people together", async () => {
    const { browser, person } = await openAs("editor");
    const stranger = new TestBrowser();
    for (const one of [browser, stranger]) one.headers = { "cf-connecting-ip": "203.0.113.77" };
    const end = async (by: TestBrowser) =>
      (await by.post("/account/subscriptions", { subject: person.id, subscription: "none" })).status;
    expect(await end(browser)).toBe(404);
    const statuses = await Promise.all(Array.from({ length: 60 }, () => end(stranger)));
    expect(statuses.filter((status) => status !== 429)).toEqual(Array(59).fill(303));
    expect(await end(browser)).toBe(429);
    expect((await browser.get("/account/subscriptions")).status).toBe(200);
  });
});
