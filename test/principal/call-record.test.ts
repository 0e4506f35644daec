import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { AuditRecord } from "../../shared/audit/record.ts";
import { verifyExport } from "../../shared/audit/verify-export.ts";
import { canonicalize, digestText } from "../../shared/encoding/canonical-json.ts";
import {
  admitOne,
  awaitEvents,
  deliver,
  deliverAll,
  eventsOf,
  exportTrail,
  intentOf,
  linksOf,
  principalOf,
  storedOf,
  takenAt,
  withTrail,
} from "../audit/trail.ts";
import { LANES, openSession } from "../support/session.ts";

const MINUTE = 60_000;

const stored = async (userId: string) =>
  (await storedOf(userId)).map(({ sequence, hash }) => ({ sequence, hash }));

describe.each(LANES)("the records of a call on the %s lane", (lane) => {
  it("contain user, call, app, session, decision and outcome", async () => {
    const name = `carol_${lane}`;
    const session = await openSession({ server: "knowledge", lane, as: name });
    session.headers = {
      traceparent: `00-${"ab".repeat(16)}-${"cd".repeat(8)}-01`,
      "cf-connecting-ip": "203.0.113.9",
    };
    await session.call("context_set", { note: "my private note" });
    await session.call("context_get", { limit: "many", "carol@private.example": true });
    const [set, setEnd, get, getEnd] = await awaitEvents(`user_${name}`, 4);
    expect(set).toMatchObject({
      type: "intent",
      decision: "allow",
      rule: "roles.admin.allowed_tools[0]",
      traceId: "ab".repeat(16),
      lane,
      kind: "tool",
      server: "knowledge",
      name: "context_set",
      clientId: session.token.clientId,
      ip: "203.0.113.9",
      arguments: { note: "string" },
      unknownArguments: 0,
      argumentsDigest: digestText(canonicalize({ note: "my private note" })),
    });
    expect(set).toHaveProperty("sessionId", lane === "stateless" ? null : expect.stringMatching(/^[0-9a-f]/));
    expect(setEnd).toMatchObject({ type: "outcome", status: "ok", error: null, bytes: expect.any(Number) });
    expect(setEnd).toHaveProperty("callId", (set as { callId: string }).callId);
    expect(get).toMatchObject({ arguments: { limit: "string" }, unknownArguments: 1 });
    expect(getEnd).toMatchObject({ type: "outcome", status: "failed", error: "invalid_input" });
  });

  it("contain no value of an argument, no name that the caller invented, no address and no token", async () => {
    const name = `cleo_${lane}`;
    const session = await openSession({ server: "crm", lane, as: name });
    await session.call("crm_find_contacts", { query: "zebra.private@example.org" });
    await session.call("crm_find_contacts", { "zebra@example.org": "zebra" });
    await awaitEvents(`user_${name}`, 4);
    const text = JSON.stringify(await linksOf(`user_${name}`));
    expect(text).toContain("crm_find_contacts");
    for (const secret of ["zebra", `${name}@people.example`, session.token.accessToken]) {
      expect(text).not.toContain(secret);
    }
  });

  it("include a call without a scope, refused at the edge, and one that the role cannot hold", async () => {
    const name = `dora_${lane}`;
    const narrow = await openSession({ server: "crm", lane, as: name, scopes: ["crm:read"] });
    const params = { name: "crm_create_contact", arguments: { email: "private@person.example" } };
    expect((await narrow.request("tools/call", params)).status).toBe(403);
    const viewer = await openSession({ server: "crm", lane, as: `vera_${lane}`, role: "viewer" });
    expect((await viewer.call("crm_create_contact", { email: "private@person.example" })).error?.code).toBe(
      "forbidden",
    );
    expect(await awaitEvents(`user_${name}`, 1)).toMatchObject([
      { type: "denial", decision: "scope", rule: "token", lane, name: "crm_create_contact" },
    ]);
    const [denial] = await awaitEvents(`user_vera_${lane}`, 1);
    expect(denial).toMatchObject({
      type: "denial",
      decision: "deny",
      rule: expect.stringMatching(/^roles\.viewer\./),
      lane,
    });
    expect(denial).toMatchObject({ arguments: { email: "string" }, kind: "tool", server: "crm" });
    expect(JSON.stringify(denial)).not.toContain("private");
  });

  it("are in each user's own chain", async () => {
    const [anna, bert] = [`anna_${lane}`, `bert_${lane}`];
    for (const as of [anna, bert, anna]) {
      await (await openSession({ server: "crm", lane, as })).call("context_get");
    }
    for (const [as, count] of [
      [anna, 4],
      [bert, 2],
    ] as const) {
      await awaitEvents(`user_${as}`, count);
      const records = (await linksOf(`user_${as}`)).map(({ body }) => JSON.parse(body) as AuditRecord);
      expect(records.map(({ chain, sequence }) => [chain, sequence])).toEqual(
        Array.from({ length: count }, (_, index) => [`user_${as}`, index + 1]),
      );
    }
  });
});

describe("an intent", () => {
  it("is in the chain before the call runs", async () => {
    await admitOne("user_dave", "call-1");
    expect(await eventsOf("user_dave")).toMatchObject([{ type: "intent", callId: "call-1" }]);
  });

  it("becomes unknown in the chain when no outcome comes for ten minutes, and stays so", async () => {
    await admitOne("user_dina", "call-1");
    await withTrail("user_dina", (trail) => trail.closeOverdue(Date.now() + 9 * MINUTE));
    expect(await eventsOf("user_dina")).toHaveLength(1);
    await withTrail("user_dina", (trail) => trail.closeOverdue(Date.now() + 11 * MINUTE));
    await withTrail("user_dina", (trail) =>
      trail.close({ callId: "call-1", status: "ok", durationMs: 1, bytes: 1 }, Date.now()),
    );
    expect(await eventsOf("user_dina")).toMatchObject([
      { type: "intent", callId: "call-1" },
      { type: "outcome", callId: "call-1", status: "unknown", error: null },
    ]);
  });

  it("keeps its first outcome", async () => {
    const gate = principalOf("user_erin");
    await admitOne("user_erin", "call-2");
    await gate.settle([{ callId: "call-2", status: "ok", durationMs: 3, bytes: 10 }]);
    await gate.settle([{ callId: "call-2", status: "timeout", durationMs: 9, bytes: 0 }]);
    expect(await eventsOf("user_erin")).toMatchObject([
      { type: "intent" },
      { type: "outcome", status: "ok", durationMs: 3 },
    ]);
  });

  it("finds its outcome and its chain again after an eviction, sent or not", async () => {
    const gate = principalOf("user_emil");
    await admitOne("user_emil", "call-3");
    const [intent] = await linksOf("user_emil");
    await deliverAll("user_emil");
    expect(await linksOf("user_emil")).toEqual([]);
    await evictDurableObject(gate);
    await principalOf("user_emil").settle([{ callId: "call-3", status: "ok", durationMs: 1, bytes: 1 }]);
    const outcome = (await linksOf("user_emil")).at(-1);
    expect(JSON.parse(outcome?.body ?? "{}")).toMatchObject({
      chain: "user_emil",
      sequence: 2,
      previous: intent?.hash,
      type: "outcome",
    });
    expect(JSON.parse(outcome?.event ?? "{}")).toMatchObject({ callId: "call-3", status: "ok" });
  });

  it("never goes back in time, for any clock", async () => {
    await withTrail("user_elsa", (trail) => {
      trail.open(intentOf("user_elsa", "call-1"), 5_000, takenAt(5_000));
      trail.close({ callId: "call-1", status: "ok", durationMs: 1, bytes: 1 }, 4_000);
    });
    const times = (await linksOf("user_elsa")).map(({ body }) => (JSON.parse(body) as AuditRecord).at);
    expect(times).toEqual([5_000, 5_000]);
  });
});

describe("the delivery to the platform database", () => {
  it("goes through the queue, after which the object deletes the stored records", async () => {
    const gate = principalOf("user_frank");
    await admitOne("user_frank", "call-3");
    await gate.settle([{ callId: "call-3", status: "ok", durationMs: 1, bytes: 1 }]);
    expect(await runDurableObjectAlarm(gate)).toBe(true);
    await expect.poll(() => linksOf("user_frank")).toEqual([]);
    expect(await stored("user_frank")).toHaveLength(2);
  }, 20_000);

  it("sends unconfirmed records again: after ten minutes, or when the object restarts", async () => {
    await withTrail("user_fritz", (trail) => {
      trail.open(intentOf("user_fritz", "call-1"), 0, takenAt(0));
      trail.markSent(1, 0);
      expect(trail.unsent(9 * MINUTE)).toEqual([]);
      expect(trail.nextMoment(0)).toBe(10 * MINUTE);
      expect(trail.unsent(10 * MINUTE)).toHaveLength(1);
    });
    expect(await linksOf("user_fritz")).toHaveLength(1);
    await deliverAll("user_fritz");
    expect(await linksOf("user_fritz")).toEqual([]);
  });

  it("writes duplicates once, and in any order", async () => {
    await withTrail("user_gina", (trail) => {
      for (let call = 0; call < 30; call += 1)
        trail.open(intentOf("user_gina", `call-${call}`), call, takenAt(call));
    });
    const links = await linksOf("user_gina");
    await deliver(links.slice(20), links.slice(5, 25));
    const gapped = await verifyExport(await exportTrail());
    expect(gapped.findings).toMatchObject([{ kind: "missing", chain: "user_gina", sequence: 1 }]);
    await deliver(links.slice(0, 10), links.slice(0, 10));
    expect(await stored("user_gina")).toEqual(links.map(({ sequence, hash }) => ({ sequence, hash })));
  });

  it("never replaces a record by another one for the same position", async () => {
    await withTrail("user_hugo", (trail) => trail.open(intentOf("user_hugo", "call-1"), 1, takenAt(1)));
    const [link] = await linksOf("user_hugo");
    await deliver([link]);
    await deliver([{ ...link, hash: "f".repeat(64) }]);
    expect(await stored("user_hugo")).toEqual([{ sequence: 1, hash: link?.hash }]);
  });

  it("retries only a message that it cannot read, and writes the others", async () => {
    await withTrail("user_ines", (trail) => trail.open(intentOf("user_ines", "call-1"), 1, takenAt(1)));
    const retried: number[] = [];
    const bodies = [{ callId: "of an earlier release" }, await linksOf("user_ines"), "nonsense"];
    const messages = bodies.map((body, index) => ({ id: "m", body, retry: () => retried.push(index) }));
    const { writeRecords } = await import("../../workers/audit-log/write-records.ts");
    await writeRecords({ queue: "test", messages } as unknown as MessageBatch, env);
    expect(retried).toEqual([0, 2]);
    expect(await stored("user_ines")).toHaveLength(1);
  });
});
