import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WINDOW_MS } from "../../shared/guard/sliding-log.ts";
import type { LimitRules } from "../../shared/policy/limits.ts";
import type { Taken } from "../../workers/objects/principal/audit-trail.ts";
import { Limiter } from "../../workers/objects/principal/limiter.ts";

const DAY_MS = 24 * 60 * 60_000;
/** Noon, so that tests of minutes do not cross midnight. */
const NOON = 20_000 * DAY_MS + DAY_MS / 2;

const WIDE: LimitRules = {
  callsPerClient: 1_000_000,
  callsPerCostlyTool: 1_000_000,
  callsPerUser: 1_000_000,
  concurrentCalls: 1_000_000,
  unitsPerDay: 1_000_000,
  costlyUnits: 10,
};

/** One user's limiter with a clock of the test. */
class Bench {
  readonly limits: LimitRules;
  now = NOON;
  /** The state that survives an eviction: the records of each call that passed, and of those that ended. */
  #written: (Taken & { callId: string; clientId: string })[] = [];
  readonly #ended = new Set<string>();
  #limiter = new Limiter({ passed: [], places: [], use: { day: 0, units: 0 } });
  #calls = 0;

  constructor(limits: Partial<LimitRules>) {
    this.limits = { ...WIDE, ...limits };
  }

  /** `null` when the call passed. */
  call(clientId = "app", costlyTool: string | null = null, callId = `call-${this.#calls++}`) {
    const claim = { costlyTool, timeoutMs: 20_000, limits: this.limits };
    const answer = this.#limiter.take({ callId, clientId, claim }, this.now);
    if ("refusal" in answer) return answer.refusal;
    this.#written.push({ ...answer.taken, callId, clientId });
    return null;
  }

  /** How many of `count` calls pass now. */
  pass(count: number, clientId?: string, costlyTool?: string): number {
    return Array.from({ length: count }, () => this.call(clientId, costlyTool)).filter((r) => r === null)
      .length;
  }

  end(callId: string): void {
    this.#limiter.release(callId);
    this.#ended.add(callId);
  }

  evict(): void {
    const places = this.#written.filter(({ callId }) => !this.#ended.has(callId));
    const use = this.#written.at(-1)?.use ?? { day: 0, units: 0 };
    this.#limiter = new Limiter({ passed: this.#written, places, use });
  }
}

const limit = fc.integer({ min: 1, max: 12 });
/** Milliseconds before a call; and whether the object is evicted, or the clock put back, before it. */
const step = fc.record({
  wait: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: WINDOW_MS })),
  evict: fc.boolean(),
  back: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: DAY_MS })),
});

describe("calls per minute", () => {
  it("lets exactly N pass in any window, for any calls and any evictions of the object", () => {
    fc.assert(
      fc.property(limit, fc.array(step, { maxLength: 80 }), (allowed, steps) => {
        const bench = new Bench({ callsPerUser: allowed });
        const passed: number[] = [];
        for (const { wait, evict } of steps) {
          bench.now += wait;
          if (evict) bench.evict();
          const inWindow = passed.filter((at) => at > bench.now - WINDOW_MS).length;
          const refusal = bench.call();
          expect(refusal === null).toBe(inWindow < allowed);
          if (refusal === null) passed.push(bench.now);
        }
      }),
    );
  });

  it("never lets more than N pass in a true minute when the clock jumps back, nor blocks longer than a minute", () => {
    fc.assert(
      fc.property(limit, fc.array(step, { maxLength: 80 }), (allowed, steps) => {
        const bench = new Bench({ callsPerUser: allowed });
        const passed: number[] = [];
        let trueTime = 0;
        for (const { wait, evict, back } of steps) {
          trueTime += wait;
          bench.now += wait - back;
          if (evict) bench.evict();
          if (bench.call() !== null) continue;
          passed.push(trueTime);
          expect(passed.filter((at) => at > trueTime - WINDOW_MS).length).toBeLessThanOrEqual(allowed);
        }
        bench.now += WINDOW_MS;
        expect(bench.pass(allowed + 5)).toBe(allowed);
      }),
    );
  });

  it("reports exactly after how many seconds the same call passes, and not a second earlier", () => {
    fc.assert(
      fc.property(limit, limit, limit, fc.array(step, { maxLength: 60 }), (user, client, tool, steps) => {
        const bench = new Bench({ callsPerUser: user, callsPerClient: client, callsPerCostlyTool: tool });
        for (const [index, { wait }] of steps.entries()) {
          bench.now += wait;
          const call = [`app-${index % 2}`, index % 3 === 0 ? "sql" : null] as const;
          const refusal = bench.call(...call);
          if (refusal?.code !== "rate_limited") continue;
          expect(Number.isInteger(refusal.retryAfter)).toBe(true);
          bench.now += (refusal.retryAfter - 1) * 1000;
          expect(bench.call(...call)).not.toBeNull();
          bench.now += 1000;
          expect(bench.call(...call)).toBeNull();
        }
      }),
    );
  });

  it("gives each app its own limit, and all of them together the user's", () => {
    const bench = new Bench({ callsPerClient: 6, callsPerUser: 10 });
    expect([bench.pass(50, "claude"), bench.pass(50, "cursor"), bench.pass(50, "codex")]).toEqual([6, 4, 0]);
    expect(bench.call("claude")).toMatchObject({ code: "rate_limited", retryAfter: 60 });
  });

  it("counts a costly tool over all apps, and no other tool with it", () => {
    const bench = new Bench({ callsPerCostlyTool: 3 });
    expect([bench.pass(2, "claude", "sql"), bench.pass(9, "cursor", "sql")]).toEqual([2, 1]);
    expect([bench.pass(9, "cursor", "compare"), bench.pass(9, "cursor")]).toEqual([3, 9]);
    expect(bench.call("codex", "sql")).toMatchObject({ limit: "callsPerCostlyTool", allowed: 3 });
  });

  it("counts nothing for a call that it refuses", () => {
    const bench = new Bench({ callsPerCostlyTool: 1, callsPerClient: 5 });
    expect(bench.pass(50, "app", "sql")).toBe(1);
    expect(bench.pass(50, "app")).toBe(4);
  });
});

describe("concurrent calls", () => {
  it("free their slot with the outcome, once", () => {
    const bench = new Bench({ concurrentCalls: 2 });
    for (const id of ["a", "b"]) expect(bench.call("app", null, id)).toBeNull();
    expect(bench.call()).toMatchObject({ code: "rate_limited", limit: "concurrentCalls" });
    bench.end("a");
    bench.end("a");
    expect(bench.pass(5)).toBe(1);
  });

  it("free the slot of a call whose outcome never comes, also after an eviction, at retry_after", () => {
    const bench = new Bench({ concurrentCalls: 1 });
    bench.call();
    bench.evict();
    bench.now += 4_000;
    expect(bench.call()).toMatchObject({ retryAfter: 21 });
    bench.now += 20_999;
    expect(bench.call()).not.toBeNull();
    bench.now += 1;
    expect(bench.call()).toBeNull();
  });

  it("hold no slot longer because the clock jumps back", () => {
    const bench = new Bench({ concurrentCalls: 1 });
    bench.call();
    bench.now -= DAY_MS;
    expect(bench.call()).toMatchObject({ retryAfter: 25 });
    bench.now += 25_000;
    expect(bench.call()).toBeNull();
  });
});

describe("the units of a day", () => {
  it("weigh costly calls, end at midnight UTC, and survive an eviction", () => {
    const bench = new Bench({ unitsPerDay: 25 });
    expect(bench.pass(9, "app", "sql")).toBe(2);
    bench.evict();
    expect(bench.pass(9)).toBe(5);
    expect(bench.call()).toMatchObject({ limit: "unitsPerDay", retryAfter: DAY_MS / 2 / 1000 });
    bench.now += DAY_MS / 2;
    expect(bench.pass(99)).toBe(25);
  });

  it("keep the used units when the clock jumps back over midnight, until the next one", () => {
    const bench = new Bench({ unitsPerDay: 5 });
    bench.pass(5);
    bench.now -= DAY_MS;
    expect(bench.call()).toMatchObject({ retryAfter: DAY_MS / 2 / 1000 });
    bench.now += DAY_MS / 2;
    expect(bench.pass(9)).toBe(5);
  });
});
