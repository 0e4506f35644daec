import { existsSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countObjectRequests, listCosts, PRICES, sumCosts } from "../../scripts/bench/calls/costs.ts";
import { perCall } from "../../scripts/bench/calls/counts.ts";
import { median, medianRatio, percentile } from "../../scripts/bench/calls/statistics.ts";
import { RUNTIME, STEPS, shareSteps } from "../../scripts/bench/calls/steps.ts";
import { judge } from "../../scripts/bench/calls/targets.ts";
import { ROOT } from "../../scripts/local/root.ts";

const TIMES = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 });

describe("percentiles", () => {
  it("are the nearest rank of one to a hundred, whatever their order", () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect([0.5, 0.95, 0.99, 1].map((share) => percentile(values, share))).toEqual([50, 95, 99, 100]);
    expect(percentile([7], 0.99)).toBe(7);
  });

  it("are measured values that at least their share of all do not exceed, and no smaller value is", () => {
    fc.assert(
      fc.property(TIMES, fc.double({ min: 0.01, max: 1, noNaN: true }), (values, share) => {
        const found = percentile(values, share);
        const rank = Math.ceil(share * values.length);
        expect(values).toContain(found);
        expect(values.filter((value) => value <= found).length).toBeGreaterThanOrEqual(rank);
        expect(values.filter((value) => value < found).length).toBeLessThan(rank);
      }),
    );
  });

  it("of an empty list are refused", () => {
    expect(() => percentile([], 0.5)).toThrow(RangeError);
  });
});

describe("ratios", () => {
  it("take the median of the pairs, so that one disturbed round does not count", () => {
    expect(medianRatio([50, 10, 90], [100, 100, 100])).toBe(0.5);
    expect(medianRatio([20, 300], [10, 100])).toBe(2.5);
  });

  it("are not made of lists of different lengths", () => {
    expect(() => medianRatio([1, 2], [1])).toThrow(RangeError);
  });

  it("rest on a median that is the mean of the middle two of an even number", () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([3, 1, 2])).toBe(2);
  });
});

describe("costs", () => {
  it("are counted differences for each call", () => {
    expect(perCall({ a: 10, b: 1 }, { a: 30, b: 1, c: 5 }, 10)).toEqual({ a: 2, b: 0, c: 0.5 });
  });

  it("include every call of an object and every alarm as one request", () => {
    expect(countObjectRequests({ "request admit": 1, "request alarm": 0.25, "key reads": 9 })).toBe(1.25);
  });

  it("add up to the price of what one call does", () => {
    const counts = {
      "queue batches": 0.5,
      "request admit": 2,
      "object milliseconds": 10,
      "object rows read": 100,
      "object rows written": 3,
      "database rows read": 50,
      "database rows written": 4,
      "key reads": 1,
      "key writes": 0.5,
      "key lists": 0.5,
      "queue operations": 0.25,
    };
    const lines = listCosts(counts, 5);
    // 0.45 + 0.1 + 0.3 + 10 ms × 0.128 GB × $12.50/M + 0.1 + 3 + 0.05 + 4 + 0.5 + 5 + 0.1
    expect(sumCosts(lines)).toBeCloseTo(0.45 + 0.1 + 0.3 + 0.016 + 0.1 + 3 + 0.05 + 4 + 0.5 + 5 + 0.1, 10);
    expect(lines[0]).toEqual({ what: "KV writes and lists", amount: 1, price: PRICES.keyWrite, dollars: 5 });
  });

  it("of a call without effects are its request alone", () => {
    expect(sumCosts(listCosts({}, 0))).toBeCloseTo(PRICES.workerRequest, 10);
  });
});

describe("targets", () => {
  const met = { sessionfulRatio: 1.5, statelessRatio: 0.8, addedP95: 10, decideP99: 0.99, extraRequests: 1 };

  it("are met at their exact bounds", () => {
    expect(judge(met).map((verdict) => verdict.met)).toEqual([true, true, true, true, true]);
  });

  it.each([
    [0, { sessionfulRatio: 1.49 }],
    [1, { statelessRatio: 0.79 }],
    [2, { addedP95: 10.1 }],
    [3, { decideP99: 1 }],
    [4, { extraRequests: 2 }],
  ])("are missed one by one: %i", (index, change) => {
    const verdicts = judge({ ...met, ...change });
    expect(verdicts.map((verdict) => verdict.met)).toEqual([0, 1, 2, 3, 4].map((one) => one !== index));
  });
});

describe("the share of a step", () => {
  const frame = (functionName: string) => ({ functionName, lineNumber: 0, columnNumber: 0 });
  const sources: Readonly<Record<string, string>> = {
    admit: "shared/guard/admit.ts",
    close: "workers/objects/principal/audit-trail.ts",
    digest: "shared/encoding/canonical-json.ts",
  };
  const profile = {
    nodes: [
      { id: 1, children: [2, 5, 6], callFrame: frame("(root)") },
      { id: 2, children: [3], callFrame: frame("admit") },
      { id: 3, children: [4], callFrame: frame("close") },
      { id: 4, callFrame: frame("digest") },
      { id: 5, callFrame: frame("(idle)") },
      { id: 6, callFrame: frame("(program)") },
    ],
    samples: [2, 4, 5, 6],
    timeDeltas: [100, 200, 999, 100],
  };

  it("is its part of the busy time, with what its helpers took and without what another step took", () => {
    const shares = shareSteps(profile, ({ functionName }) => sources[functionName] ?? null);
    expect(Object.fromEntries([...shares].filter(([, share]) => share > 0))).toEqual({
      admit: 0.25,
      "audit chain": 0.5,
      [RUNTIME]: 0.25,
    });
  });

  it("is read from files that exist", () => {
    for (const [, paths] of STEPS) {
      for (const file of paths) expect([file, existsSync(path.join(ROOT, file))]).toEqual([file, true]);
    }
  });
});
