import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type ConnectionTarget, connectionGate } from "../../../shared/objects/connection-gate.ts";
import { Holder, prepareHeld, reading, waitingFor, writing } from "./held-postgresql.ts";
import { SERVERS } from "./servers.ts";

describe.skipIf(SERVERS.postgresql === null)("a cancel", () => {
  let target: ConnectionTarget;
  let holder: Holder;
  const gate = connectionGate(env, "cancelled", 0);

  beforeAll(async () => {
    target = await prepareHeld("cancelled", 4);
  });

  beforeEach(async () => {
    await gate.closeSessions();
    holder = await Holder.open(target);
  });

  afterEach(() => holder.close());

  it("never ends the statement of the next caller when its own call ends meanwhile", async () => {
    await holder.lock(1);
    await holder.lock(2);
    const first = gate.run(target, reading(waitingFor(1), "first"));
    await holder.until(() => holder.statements(1), 1);
    await holder.holdNewSessions();
    const cancelling = gate.cancel("first");
    await holder.until(() => holder.newSessions(), 1);
    await holder.unlock(1);
    await holder.until(() => holder.idle(), 1);
    const second = gate.run(target, reading(waitingFor(2)));
    // The second one runs in the session of the first, or its own session is about to open.
    await holder.until(async () => (await holder.statements(2)) + (await holder.newSessions()), 2);
    await holder.letNewSessions();
    await cancelling;
    await holder.until(() => holder.statements(2), 1);
    await holder.unlock(2);
    expect(await first).toMatchObject({ ok: true });
    expect(await second).toMatchObject({ ok: true });
  });

  it("ends a call that waits for a session before anything is sent", async () => {
    await holder.lock(3);
    const before = Array.from({ length: 4 }, () => gate.run(target, reading(waitingFor(3))));
    await holder.until(() => holder.statements(3), 4);
    const fifth = gate.run(target, writing("from the queue", "fifth"));
    await gate.cancel("fifth");
    await holder.unlock(3);
    expect(await fifth).toMatchObject({ ok: false, failure: { code: "cancelled", sent: false } });
    expect(await Promise.all(before)).toMatchObject(Array(4).fill({ ok: true }));
    expect(await holder.notes()).toEqual([]);
  });

  it("ends a call whose session opens before anything is sent", async () => {
    await holder.holdSignIns();
    const call = gate.run(target, writing("while it opened", "opening"));
    await holder.until(() => holder.signIns(), 1);
    await gate.cancel("opening");
    await holder.letSignIn();
    expect(await call).toMatchObject({ ok: false, failure: { code: "cancelled", sent: false } });
    expect(await holder.notes()).toEqual([]);
  });

  it("ends a statement that runs, and the next call is answered", async () => {
    await holder.lock(4);
    const call = gate.run(target, reading(waitingFor(4), "running"));
    await holder.until(() => holder.statements(4), 1);
    await gate.cancel("running");
    expect(await call).toMatchObject({ ok: false });
    expect(await gate.run(target, writing("afterwards"))).toMatchObject({ ok: true });
    expect(await holder.notes()).toContain("afterwards");
    await holder.unlock(4);
  });

  /** What the database sees of something that would go on: the most of many looks. */
  async function most(look: () => Promise<number>): Promise<number> {
    let found = 0;
    for (let round = 0; round < 30; round += 1) found = Math.max(found, await look());
    return found;
  }

  it("has one socket at a time, however many calls are cancelled together", async () => {
    await holder.lock(5);
    const ids = ["one", "two", "three", "four"];
    const calls = ids.map((id) => gate.run(target, reading(waitingFor(5), id)));
    await holder.until(() => holder.statements(5), 4);
    await holder.holdNewSessions();
    const cancelling = ids.map((id) => gate.cancel(id));
    await holder.until(() => holder.newSessions(), 1);
    expect(await most(() => holder.sessions())).toBe(5);
    await holder.letNewSessions();
    await Promise.all(cancelling);
    expect(await Promise.all(calls)).toMatchObject(Array(4).fill({ ok: false }));
    await holder.unlock(5);
  });

  it("is not sent once the call that it waited to end has ended by itself", async () => {
    await holder.lock(6);
    await holder.lock(7);
    const first = gate.run(target, reading(waitingFor(6), "held"));
    const second = gate.run(target, reading(waitingFor(7), "behind"));
    await holder.until(() => holder.statements(6), 1);
    await holder.until(() => holder.statements(7), 1);
    await holder.holdNewSessions();
    const cancelling = [gate.cancel("held"), gate.cancel("behind")];
    await holder.until(() => holder.newSessions(), 1);
    await holder.unlock(7);
    expect(await second).toMatchObject({ ok: true });
    // In the session of the second.
    await holder.lock(8);
    const third = gate.run(target, reading(waitingFor(8)));
    await holder.until(() => holder.statements(8), 1);
    await holder.letNewSessions();
    await Promise.all(cancelling);
    expect(await first).toMatchObject({ ok: false });
    await holder.unlock(8);
    expect(await third).toMatchObject({ ok: true });
    await holder.unlock(6);
  });

  it("after the beginning of a transaction keeps its write from the database", async () => {
    await holder.holdNewSessions();
    const call = gate.run(target, writing("after its caller left", "begun"));
    await holder.until(() => holder.newSessions(), 1);
    const cancelling = gate.cancel("begun");
    await holder.until(() => holder.newSessions(), 2);
    await holder.letNewSessions();
    expect(await call).toMatchObject({ ok: false });
    await cancelling;
    expect(await holder.notes()).not.toContain("after its caller left");
  });

  it("is not in the way of tests of the connection, which have an object of their own, one at a time", async () => {
    await holder.holdNewSessions();
    const probes = Array.from({ length: 4 }, () => gate.probe(target, null));
    await holder.until(() => holder.newSessions(), 1);
    expect(await most(() => holder.sessions())).toBe(1);
    expect(await gate.state()).toMatchObject({ open: 0, running: 0 });
    await holder.letNewSessions();
    expect(await Promise.all(probes)).toMatchObject(Array(4).fill({ ok: true }));
  });
});
