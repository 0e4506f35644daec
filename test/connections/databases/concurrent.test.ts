import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  type ConnectionTarget,
  connectionGate,
  countShards,
} from "../../../shared/objects/connection-gate.ts";
import { Holder, prepareHeld, reading, waitingFor } from "./held-postgresql.ts";
import { SERVERS } from "./servers.ts";

describe.skipIf(SERVERS.postgresql === null)("calls at the same time", () => {
  let target: ConnectionTarget;
  let holder: Holder;

  beforeAll(async () => {
    target = await prepareHeld("bounded", 1);
  });

  beforeEach(async () => {
    holder = await Holder.open(target);
  });

  afterEach(() => holder.close());

  /** Sends the calls in turn to every object of the connection; how many of them the database has, and the others wait. */
  async function countTogether(concurrent: number, calls: number): Promise<number> {
    const entry = {
      ...target.entry,
      limits: { ...target.entry.limits, concurrent },
    } as ConnectionTarget["entry"];
    const changed = { ...target, entry, revision: `limit ${concurrent}` };
    const gates = Array.from({ length: countShards(entry) }, (_, shard) =>
      connectionGate(env, "bounded", shard),
    );
    await holder.lock(1);
    const answers = Array.from({ length: calls }, (_, at) =>
      gates[at % gates.length]?.run(changed, reading(waitingFor(1))),
    );
    // Each call is either with the database or in the queue of its object.
    const countWaiting = async () => {
      const states = await Promise.all(gates.map((gate) => gate.state()));
      return states.reduce((sum, { waiting }) => sum + waiting, 0);
    };
    await holder.until(async () => (await holder.statements(1)) + (await countWaiting()), calls);
    const together = await holder.statements(1);
    await holder.unlock(1);
    expect(await Promise.all(answers)).toMatchObject(Array(calls).fill({ ok: true }));
    return together;
  }

  it.each([1, 5, 6, 4, 1])("of a connection are the %i of its entry, and the others wait", async (limit) => {
    expect(await countTogether(limit, 12)).toBe(limit);
  });
});
