import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { decide } from "../../shared/guard/decide.ts";
import { principalGate } from "../../shared/objects/principal-gate.ts";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { keptBy } from "../../workers/gateway/admin-jobs/erase-person.ts";
import { removeRole, replaceRole } from "../invariants/random-policy.ts";
import { openSession, type SessionOptions } from "../support/session.ts";
import { addPerson } from "../support/token.ts";
import { deliveriesOf, lookNow, Receiver, retryNow, STAGE, subscribe } from "./receiver.ts";
import { storeDeal } from "./records.ts";

const open = (options: Partial<SessionOptions> = {}) =>
  openSession({ server: "crm", lane: "stateless", ...options });

beforeEach(() => void replaceRole("editor", { allowed_events: ["*"] }));

describe("access that ends", () => {
  const readTerminated = async (receiver: Receiver) =>
    (await receiver.waitForControl("terminated")).body.error;

  it("with the grant ends the subscription, and nothing of content follows", async () => {
    const receiver = new Receiver();
    const session = await open({ as: "gil" });
    await subscribe(session, receiver);
    await principalGate(env, "user_gil").revokeGrant(session.token.accessToken.split(":")[1] ?? "");
    await storeDeal();
    await lookNow("user_gil");
    expect(await readTerminated(receiver)).toEqual({
      code: -32024,
      message: "Forbidden",
      data: { reason: "Access revoked" },
    });
    expect(await receiver.events()).toEqual([]);
    expect(await deliveriesOf("user_gil").list()).toEqual([]);
    expect((await subscribe(session, receiver)).status).toBe(401);
  });

  it("with the person ends it", async () => {
    const receiver = new Receiver();
    await subscribe(await open({ as: "dan" }), receiver);
    await env.PLATFORM_DB.prepare(`UPDATE "user" SET disabled = 1 WHERE id = 'user_dan'`).run();
    await principalGate(env, "user_dan").checkAccess("user_dan", { grantId: "-", tokenId: "-" }, null);
    await keptBy(env, "user_dan").forgetPerson();
    await storeDeal();
    await lookNow("user_dan");
    expect((await readTerminated(receiver)).data).toEqual({ reason: "Access revoked" });
    expect(await receiver.events()).toEqual([]);
  });

  it("with the role of the person ends it, and so does a rule of the policy", async () => {
    const [byRole, byRule] = [new Receiver(), new Receiver()];
    await subscribe(await open({ as: "ron", role: "sales" }), byRole);
    await subscribe(await open({ as: "pol", role: "editor" }), byRule);
    await addPerson({ name: "ron", role: "approver" });
    replaceRole("editor", { denied_events: ["crm_*"] });
    await storeDeal();
    for (const as of ["ron", "pol"]) await lookNow(`user_${as}`);
    for (const receiver of [byRole, byRule]) {
      expect(await readTerminated(receiver)).toMatchObject({
        code: -32024,
        data: { reason: "No longer allowed by the policy" },
      });
      expect(await receiver.events()).toEqual([]);
    }
  });

  it("between two attempts keeps the second one from being sent", async () => {
    const receiver = new Receiver("flaky-1");
    const session = await open({ as: "mid" });
    await subscribe(session, receiver);
    await storeDeal();
    await lookNow("user_mid");
    await receiver.attempts(1);
    await principalGate(env, "user_mid").revokeGrant(session.token.accessToken.split(":")[1] ?? "");
    await retryNow("user_mid");
    await readTerminated(receiver);
    expect(await receiver.events()).toHaveLength(1);
  });

  it("is masked by the role of the moment of each attempt", async () => {
    const receiver = new Receiver("flaky-1");
    await subscribe(await open({ as: "ray", role: "sales" }), receiver);
    await storeDeal();
    await lookNow("user_ray");
    await receiver.attempts(1);
    await addPerson({ name: "ray", role: "viewer" });
    await retryNow("user_ray");
    await receiver.attempts(2);
    const [before, after] = await receiver.events();
    expect(before?.body.data.contact).toMatch(/^Grace/);
    expect(after?.body.data.contact).toContain("•");
  });
});

it("of many events to a receiver that fails each one twice none is lost, and none follows a revocation", async () => {
  const receiver = new Receiver("flaky-2");
  const session = await open({ as: "lot" });
  await subscribe(session, receiver);
  const deals = [];
  for (let deal = 0; deal < 40; deal += 1) deals.push(await storeDeal());
  await lookNow("user_lot");
  for (let round = 0; round < 3; round += 1) await retryNow("user_lot");
  const taken = await receiver.taken();
  expect(taken.map(({ body }) => body.data.deal_id).sort()).toEqual([...deals].sort());
  expect(new Set(taken.map(({ body }) => body.eventId)).size).toBe(40);
  expect(await receiver.controls("gap")).toEqual([]);
  const count = (await receiver.events()).length;
  for (let deal = 0; deal < 20; deal += 1) await storeDeal();
  await principalGate(env, "user_lot").revokeGrant(session.token.accessToken.split(":")[1] ?? "");
  await lookNow("user_lot");
  await receiver.waitForControl("terminated");
  expect(await receiver.events()).toHaveLength(count);
});

it("property: no delivery reaches a subscriber who may not read the event at that moment", async () => {
  const globs = fc.subarray(["*", "crm_*", STAGE, "crm_task_overdue"]);
  const parts = fc.record({
    scopes: fc.subarray(["crm:read", "*"]),
    allowed_events: globs,
    denied_events: fc.subarray([STAGE, "crm_deal_*", "knowledge_*"]),
    gone: fc.boolean(),
  });
  let delivered = 0;
  let round = 0;
  await fc.assert(
    fc.asyncProperty(parts, async ({ gone, ...given }) => {
      const as = `prop${round++}`;
      replaceRole("editor", { allowed_events: ["*"] });
      const session = await open({ as, role: "editor" });
      const receiver = new Receiver();
      await subscribe(session, receiver);
      replaceRole("editor", given);
      if (gone) removeRole("editor");
      const subject = {
        kind: "event",
        name: STAGE,
        scope: "crm:read",
        effect: "read",
        sends: "nothing",
      } as const;
      const caller = { role: "editor", scopes: ["crm:read"], ip: null, country: null, mfaAt: null };
      const may = decide(bundledPolicy(), caller, subject).kind === "allow";
      await storeDeal();
      await lookNow(`user_${as}`);
      if (may) await receiver.wait(1);
      else await receiver.waitForControl("terminated");
      const events = await receiver.events();
      if (may) delivered += 1;
      expect(events.length > 0).toBe(may);
    }),
    { numRuns: 12, examples: [[{ scopes: ["*"], allowed_events: ["*"], denied_events: [], gone: false }]] },
  );
  expect(delivered).toBeGreaterThan(0);
});
