import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import type { EventLimits } from "../../shared/policy/limits.ts";
import { collectPerson } from "../../workers/gateway/admin-jobs/collect-person.ts";
import { keptBy } from "../../workers/gateway/admin-jobs/erase-person.ts";
import { eventsOf } from "../audit/trail.ts";
import { replaceRole } from "../invariants/random-policy.ts";
import { openSession, type SessionOptions } from "../support/session.ts";
import {
  comeTo,
  deliveriesOf,
  isSigned,
  lookNow,
  makeSecret,
  Receiver,
  retryNow,
  STAGE,
  subscribe,
} from "./receiver.ts";
import { addDeal, moveDeal, storeDeal } from "./records.ts";

/** Replaces a role's limits of events until the test file ends. */
function replaceEventLimits(role: string, eventLimits: EventLimits): void {
  Object.assign(bundledPolicy().roles.get(role) ?? {}, { eventLimits });
}

const open = (options: Partial<SessionOptions> = {}) =>
  openSession({ server: "crm", lane: "stateless", ...options });

beforeEach(() => void replaceRole("editor", { allowed_events: ["*"] }));

describe("a subscription", () => {
  it("begins when the receiver gave the challenge back, with its id and the time until which it lasts", async () => {
    const receiver = new Receiver();
    const { result } = await subscribe(await open({ as: "ann" }), receiver, { ttlMs: 3_600_000 });
    expect(result).toMatchObject({
      resultType: "complete",
      id: expect.stringMatching(/^sub_[\da-f]{32}$/),
      cursor: expect.any(String),
      truncated: false,
    });
    expect(Date.parse(result.refreshBefore) - Date.now()).toBeLessThanOrEqual(3_600_000);
    expect(Date.parse(result.refreshBefore) - Date.now()).toBeGreaterThan(3_500_000);
    const [challenge] = await receiver.controls("verification");
    expect(challenge?.headers).toMatchObject({
      "content-type": "application/json",
      "x-mcp-subscription-id": result.id,
      "webhook-id": expect.stringMatching(/^msg_verification_/),
    });
    expect(challenge && isSigned(challenge, receiver.secret)).toBe(true);
  });

  it("delivers each change once, signed, to its receiver, masked for the role of its person", async () => {
    const [viewer, sales] = [new Receiver(), new Receiver()];
    const [vic, sam] = [await open({ as: "vic", role: "viewer" }), await open({ as: "sam", role: "sales" })];
    const { id } = (await subscribe(vic, viewer)).result;
    await subscribe(sam, sales);
    const writer = await open();
    const deal = await addDeal(writer);
    await moveDeal(writer, deal, "qualified");
    const seen = await viewer.wait(2);
    expect(seen.map(({ body }) => [body.name, body.data.deal_id, body.data.to_stage])).toEqual([
      [STAGE, deal, "lead"],
      [STAGE, deal, "qualified"],
    ]);
    for (const { headers, body } of seen) {
      expect(headers["webhook-id"]).toBe(body.eventId);
      expect(headers["x-mcp-subscription-id"]).toBe(id);
      expect(body.cursor).toEqual(expect.any(String));
      expect(body.data.contact).toContain("•");
    }
    expect(seen.every((message) => isSigned(message, viewer.secret))).toBe(true);
    expect((await sales.wait(2))[0]?.body.data.contact).toMatch(/^Grace/);
    expect(await viewer.events()).toHaveLength(2);
  });

  it("counts as read by its app before its content is sent", async () => {
    const receiver = new Receiver();
    const session = await open({ as: "met" });
    await subscribe(session, receiver);
    const person = keptBy(env, "user_met");
    await person.eraseKept();
    expect((await person.readKept()).met).toEqual([]);
    await storeDeal();
    await lookNow("user_met");
    await receiver.wait(1);
    expect((await person.readKept()).met).toMatchObject([
      { clientId: session.token.clientId, label: "private", name: STAGE },
    ]);
  });

  it("is the same one when it is renewed, and its second secret signs beside the first for some minutes", async () => {
    const receiver = new Receiver();
    const session = await open({ as: "rob" });
    const first = (await subscribe(session, receiver)).result;
    const before = receiver.secret;
    receiver.secret = makeSecret(64);
    const second = (await subscribe(session, receiver, { cursor: first.cursor })).result;
    expect(second.id).toBe(first.id);
    expect(second.deliveryStatus).toMatchObject({ active: true, lastError: null });
    expect(await receiver.controls("verification")).toHaveLength(1);
    await storeDeal();
    await lookNow("user_rob");
    const [message] = await receiver.wait(1);
    expect([before, receiver.secret].map((secret) => message && isSigned(message, secret))).toEqual([
      true,
      true,
    ]);
  });

  it("is another one for another app, person, event, address or other arguments", async () => {
    const receiver = new Receiver();
    const [one, other] = [await open({ as: "kim" }), await open({ as: "kim" })];
    const ids = [
      (await subscribe(one, receiver)).result.id,
      (await subscribe(other, receiver)).result.id,
      (await subscribe(await open({ as: "lou" }), receiver)).result.id,
      (await subscribe(one, receiver, { name: "crm_task_overdue" })).result.id,
      (await subscribe(one, receiver, { arguments: { stage: "won" } })).result.id,
      (await subscribe(one, new Receiver())).result.id,
    ];
    expect(new Set(ids).size).toBe(6);
    // The receiver is verified once for each app.
    expect(await receiver.controls("verification")).toHaveLength(3);
  });

  it("ends when its app unsubscribes, and another app cannot end it", async () => {
    const receiver = new Receiver();
    const [mine, other] = [await open({ as: "una" }), await open({ as: "una" })];
    await subscribe(mine, receiver);
    const key = { name: STAGE, delivery: { url: receiver.url } };
    expect((await other.request("events/unsubscribe", key)).error).toMatchObject({
      code: -32023,
      data: { kind: "subscription" },
    });
    expect((await mine.request("events/unsubscribe", key)).result.resultType).toBe("complete");
    await storeDeal();
    await lookNow("user_una");
    expect(await receiver.events()).toEqual([]);
    expect((await mine.request("events/unsubscribe", key)).error?.code).toBe(-32023);
  });

  it("lasts at most a day and at least a minute, whatever is asked, and is over without a renewal", async () => {
    const receiver = new Receiver();
    const session = await open({ as: "tom" });
    const until = async (ttlMs: number | null) =>
      Date.parse((await subscribe(session, receiver, { ttlMs })).result.refreshBefore) - Date.now();
    for (const ttlMs of [null, 999_999_999]) {
      expect(await until(ttlMs)).toBeGreaterThan(86_000_000);
      expect(await until(ttlMs)).toBeLessThanOrEqual(86_400_000);
    }
    expect(await until(1)).toBeGreaterThan(50_000);
    await comeTo("user_tom", "UPDATE subscriptions SET until = 1");
    await storeDeal();
    await lookNow("user_tom");
    expect(await receiver.all()).toHaveLength(1);
    expect(await deliveriesOf("user_tom").list()).toEqual([]);
  });

  it("goes on after an eviction of its object, from where it was", async () => {
    const receiver = new Receiver();
    await subscribe(await open({ as: "eve" }), receiver);
    await evictDurableObject(deliveriesOf("user_eve"));
    await storeDeal();
    await lookNow("user_eve");
    await receiver.wait(1);
  });
});

describe("a receiver that fails", () => {
  it("gets a message again, with the same id and a new signature, until it takes it", async () => {
    const receiver = new Receiver("flaky-3");
    await subscribe(await open({ as: "fay" }), receiver);
    await storeDeal();
    await lookNow("user_fay");
    await receiver.attempts(1);
    for (let attempt = 2; attempt <= 4; attempt += 1) {
      await retryNow("user_fay");
      await receiver.attempts(attempt);
    }
    const messages = await receiver.events();
    expect(messages.map(({ answered }) => answered)).toEqual([503, 503, 503, 204]);
    expect(new Set(messages.map(({ body }) => body.eventId)).size).toBe(1);
    expect(messages.every((message) => isSigned(message, receiver.secret))).toBe(true);
  });

  it("is given up after five attempts, and learns later that something is missing", async () => {
    const receiver = new Receiver("flaky-5");
    await subscribe(await open({ as: "gus" }), receiver);
    await storeDeal();
    await lookNow("user_gus");
    await receiver.attempts(1);
    for (let attempt = 2; attempt <= 5; attempt += 1) {
      await retryNow("user_gus");
      await receiver.attempts(attempt);
    }
    const gap = await receiver.waitForControl("gap");
    expect(gap.body.cursor).toEqual(expect.any(String));
    expect(await receiver.events()).toHaveLength(5);
  });

  it.each([410, 413])("is not asked again after %i, and its subscription goes on", async (status) => {
    const receiver = new Receiver(`${status}`);
    const as = `final${status}`;
    const session = await open({ as });
    await receiver.set("takes");
    await subscribe(session, receiver);
    await receiver.set(`${status}`);
    await storeDeal();
    await lookNow(`user_${as}`);
    await receiver.attempts(1);
    await retryNow(`user_${as}`);
    expect(await receiver.events()).toHaveLength(1);
    await receiver.set("takes");
    await storeDeal();
    await lookNow(`user_${as}`);
    await receiver.wait(1);
  });

  it("gets no message of more than 256 KiB, and the next one after it", async () => {
    const receiver = new Receiver();
    await subscribe(await open({ as: "big" }), receiver);
    const names = [200 * 1024, 256 * 1024, 1].map((length) => "d".repeat(length));
    const ids: string[] = [];
    for (const name of names) ids.push(await storeDeal(name));
    await lookNow("user_big");
    await receiver.wait(2);
    await retryNow("user_big");
    expect((await receiver.events()).map(({ body }) => body.data.deal_id).sort()).toEqual(
      [ids[0], ids[2]].sort(),
    );
    const outcomes = (await eventsOf("user_big")).flatMap((event) =>
      event.type === "outcome" && event.status !== "ok" ? [event.status] : [],
    );
    expect(outcomes).toHaveLength(1);
  });

  it("is suspended after an hour of failures, keeps what waits, and gets it after a renewal", async () => {
    const receiver = new Receiver();
    const session = await open({ as: "sue" });
    await subscribe(session, receiver);
    await receiver.set("500");
    await storeDeal();
    await lookNow("user_sue");
    await receiver.attempts(1);
    await comeTo("user_sue", "UPDATE subscriptions SET failures = 99, failed_since = 1");
    await retryNow("user_sue");
    await receiver.attempts(2);
    await receiver.set("takes");
    await retryNow("user_sue");
    expect(await receiver.events()).toHaveLength(2);
    const { deliveryStatus } = (await subscribe(session, receiver)).result;
    expect(deliveryStatus).toMatchObject({ active: false, lastError: "http_5xx" });
    await receiver.wait(1);
  });

  it("does not hold up another receiver of the same person", async () => {
    const [slow, quick] = [new Receiver(), new Receiver()];
    const session = await open({ as: "two" });
    await subscribe(session, slow);
    await subscribe(session, quick);
    await slow.set("never");
    await storeDeal();
    void lookNow("user_two");
    await quick.wait(1);
    expect(await slow.taken()).toEqual([]);
  });
});

describe("limits and records", () => {
  it("a person has no more subscriptions than the policy allows", async () => {
    const session = await open({ as: "max" });
    const receiver = new Receiver();
    const stages = ["lead", "qualified", "proposal", "negotiation", "won", "lost"];
    const answers = [];
    replaceEventLimits("admin", { subscriptions: 3, deliveriesPerMinute: 1_000 });
    for (const stage of stages) answers.push(await subscribe(session, receiver, { arguments: { stage } }));
    replaceEventLimits("admin", { subscriptions: 1_000, deliveriesPerMinute: 100_000 });
    expect(answers.filter(({ result }) => result).length).toBe(3);
    expect(answers.at(-1)?.error).toMatchObject({ code: -32025, data: { limit: "subscriptions", max: 3 } });
  });

  it("deliveries over the limit of a minute wait for the next one, and none is lost", async () => {
    const receiver = new Receiver();
    const session = await open({ as: "min", role: "sales" });
    await subscribe(session, receiver);
    replaceEventLimits("sales", { subscriptions: 10, deliveriesPerMinute: 2 });
    for (let deal = 0; deal < 5; deal += 1) await storeDeal();
    await lookNow("user_min");
    await receiver.wait(2);
    await retryNow("user_min");
    expect(await receiver.events()).toHaveLength(2);
    const { deliveryStatus } = (await subscribe(session, receiver)).result;
    expect(deliveryStatus).toMatchObject({ active: true, throttled: true, retryAfterMs: expect.any(Number) });
    replaceEventLimits("sales", { subscriptions: 10, deliveriesPerMinute: 1_000 });
    await evictDurableObject(deliveriesOf("user_min"));
    await retryNow("user_min");
    await receiver.wait(5);
  });

  it("each delivery is in the trail of its person, with its outcome, and so are beginning and end", async () => {
    const receiver = new Receiver("flaky-1");
    const session = await open({ as: "log" });
    const { id } = (await subscribe(session, receiver)).result;
    await storeDeal();
    await lookNow("user_log");
    await receiver.attempts(1);
    await retryNow("user_log");
    await receiver.wait(1);
    await session.request("events/unsubscribe", { name: STAGE, delivery: { url: receiver.url } });
    const events = await eventsOf("user_log");
    const sent = events.filter((event) => event.type === "intent" && event.lane === "webhook");
    expect(sent).toMatchObject([
      { kind: "event", server: "crm", name: STAGE, sessionId: id, rule: "roles.admin.allowed_events[0]" },
      { kind: "event", name: STAGE },
    ]);
    const outcomes = sent.map((intent) =>
      events.find(
        (event) => event.type === "outcome" && "callId" in intent && event.callId === intent.callId,
      ),
    );
    expect(outcomes).toMatchObject([{ status: "failed", error: "http_5xx" }, { status: "ok" }]);
    const host = new URL(receiver.url).host;
    expect(events.filter(({ type }) => type === "event_subscription")).toMatchObject([
      { change: "begun", subscriptionId: id, host, reason: null },
      { change: "ended", subscriptionId: id, host, reason: "unsubscribed" },
    ]);
    expect(JSON.stringify(events)).not.toContain(receiver.name);
  });
});

it("what waits and who subscribes is in a person's export without secrets, and goes with the person", async () => {
  const receiver = new Receiver();
  const { id } = (await subscribe(await open({ as: "out" }), receiver)).result;
  const { event_subscriptions: exported } = await collectPerson(env, "user_out");
  expect(exported).toMatchObject([{ id, name: STAGE, host: new URL(receiver.url).host, waiting: 0 }]);
  expect(JSON.stringify(exported)).not.toMatch(/whsec_|box/);
  expect(await deliveriesOf("user_out").eraseKept()).toBe(1);
  await storeDeal();
  await lookNow("user_out");
  expect(await receiver.events()).toEqual([]);
});
