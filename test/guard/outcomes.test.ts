import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  bufferOutcome,
  FLUSH_DELAY_MS,
  flushDelay,
  returnOutcomes,
  takeOutcomes,
} from "../../shared/guard/outcome-buffer.ts";
import { deliverOutcomes } from "../../shared/guard/settle.ts";
import { Principal } from "../../workers/objects/principal/principal.ts";
import { eventsOf } from "../audit/trail.ts";
import { setLimits } from "../support/limits.ts";
import { LANES, openSession } from "../support/session.ts";

const outcome = (callId: string) => ({ callId, status: "ok", durationMs: 1, bytes: 1 });
const ids = (userId: string) => takeOutcomes(userId).map(({ callId }) => callId);

afterEach(() => {
  vi.restoreAllMocks();
  setLimits({});
});

describe("buffered outcomes of an isolate", () => {
  it("have one flusher, and another when that one is gone", () => {
    expect(bufferOutcome("ada", outcome("1"), 0)).toBe(true);
    expect(bufferOutcome("ada", outcome("2"), 10)).toBe(false);
    expect(bufferOutcome("bob", outcome("3"), 10)).toBe(true);
    expect(bufferOutcome("ada", outcome("4"), 2_000)).toBe(true);
    expect(ids("ada")).toEqual(["1", "2", "4"]);
    expect(ids("ada")).toEqual([]);
    expect(ids("bob")).toEqual(["3"]);
  });

  it("wait for the next call while it may come, and no longer than a second altogether", () => {
    bufferOutcome("cleo", outcome("1"), 0);
    expect(flushDelay("cleo", FLUSH_DELAY_MS - 1)).toBe(1);
    for (let now = 0; now < 1_000; now += 50) bufferOutcome("cleo", outcome("more"), now);
    expect(flushDelay("cleo", 1_001)).toBe(0);
    ids("cleo");
    bufferOutcome("cleo", outcome("2"), 5_000);
    expect(flushDelay("cleo", 5_000 + FLUSH_DELAY_MS)).toBe(0);
    expect(ids("cleo")).toEqual(["2"]);
  });

  it("are buffered again when their delivery failed, before later ones", () => {
    bufferOutcome("dan", outcome("1"), 0);
    const taken = takeOutcomes("dan");
    bufferOutcome("dan", outcome("2"), 1);
    returnOutcomes("dan", taken);
    expect(ids("dan")).toEqual(["1", "2"]);
  });
});

describe.each(LANES)("an outcome on the %s lane", (lane) => {
  it("travels with the user's next call, and with no other user's", async () => {
    // Disables the timed flush, however slow the machine is.
    vi.spyOn(scheduler, "wait").mockReturnValue(new Promise(() => {}));
    const admissions = vi.spyOn(Principal.prototype, "admit");
    const [eva, finn] = [`eva_${lane}`, `finn_${lane}`];
    const [hers, his] = [
      await openSession({ server: "crm", lane, as: eva }),
      await openSession({ server: "crm", lane, as: finn }),
    ];
    await hers.call("context_get");
    await his.call("context_get");
    await hers.call("context_get");
    const carried = admissions.mock.calls.map(([{ userId }, , ended]) => [userId, ended?.length]);
    expect(carried).toEqual([
      [`user_${eva}`, 0],
      [`user_${finn}`, 0],
      [`user_${eva}`, 1],
    ]);
    await deliverOutcomes(env);
    expect((await eventsOf(`user_${eva}`)).map(({ type }) => type)).toEqual([
      "intent",
      "outcome",
      "intent",
      "outcome",
    ]);
    expect((await eventsOf(`user_${finn}`)).map(({ type }) => type)).toEqual(["intent", "outcome"]);
  });

  it("is sent at once where places for running calls are few, so that the next caller elsewhere finds its place", async () => {
    setLimits({ concurrentCalls: 1 });
    const as = `gus_${lane}`;
    const [one, other] = [
      await openSession({ server: "crm", lane, as }),
      await openSession({ server: "crm", lane: "stateless", as }),
    ];
    for (const session of [one, other, one, other]) {
      expect((await session.call("context_get")).isError).toBe(false);
    }
  });
});
