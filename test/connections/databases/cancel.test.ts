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
});
