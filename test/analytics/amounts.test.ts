import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { apportion, divideToTicks, percentChange, sharesOf } from "../../workers/analytics/amounts.ts";
import { resolveName } from "../../workers/analytics/names.ts";
import { editedOnce, names } from "./arbitraries.ts";

describe("division", () => {
  it.each([
    [1, 3, 100, 2, 3333],
    [2, 3, 100, 2, 6667],
    [1, 8, 1, 2, 13],
    [-1, 8, 1, 2, -13],
    [5, 0, 1, 2, null],
    [0, 7, 1, 2, 0],
    [9_007_199_254_740_991, 90_071_992_547_409, 1, 2, 10_000],
  ])("%d / %d × %d to %d decimals is %s ticks", (numerator, denominator, factor, decimals, expected) => {
    expect(divideToTicks(numerator, denominator, factor, decimals)).toBe(expected);
  });

  it("differs by half a tick at most", () => {
    const whole = fc.integer({ min: -1_000_000, max: 1_000_000 });
    fc.assert(
      fc.property(whole, fc.integer({ min: 1, max: 1_000_000 }), (numerator, denominator) => {
        const ticks = BigInt(divideToTicks(numerator, denominator, 1, 3) ?? 0);
        const off = ticks * BigInt(denominator) - BigInt(numerator) * 1000n;
        expect((off < 0n ? -off : off) * 2n <= BigInt(denominator)).toBe(true);
      }),
    );
  });
});

describe("rounding parts of a whole", () => {
  it("keeps the sum, and moves no part by a whole tick when the parts do add up", () => {
    const parts = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(parts, (values) => {
        const total = Math.round(values.reduce((sum, value) => sum + value, 0)) + 0;
        const ticks = apportion(values, total);
        expect(ticks.reduce((sum, value) => sum + value, 0)).toBe(total);
        for (const [index, value] of ticks.entries()) {
          expect(Math.abs(value - (values[index] ?? 0))).toBeLessThanOrEqual(1.0001);
        }
      }),
    );
  });

  it("gives shares that add up to exactly 100 percent", () => {
    const parts = fc.array(fc.integer({ min: 0, max: 1e9 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(parts, (values) => {
        const shares = sharesOf(values);
        if (values.every((value) => value === 0)) expect(shares.every((share) => share === null)).toBe(true);
        else
          expect(shares.reduce<number>((sum, share) => sum + Math.round((share ?? 0) * 100), 0)).toBe(10_000);
      }),
    );
  });

  it("has no percentage change from 0", () => {
    expect(percentChange(0, 5)).toBeNull();
    expect(percentChange(null, 5)).toBeNull();
    expect(percentChange(400, 300)).toBe(-25);
    expect(percentChange(-200, 100)).toBe(150);
  });
});

describe("names", () => {
  it("are found with one typing error, or answered with the closest", () => {
    fc.assert(
      fc.property(editedOnce, ({ name, written }) => {
        const resolution = resolveName(written, names);
        const found = resolution.kind === "unknown" ? resolution.closest : [resolution.value];
        expect(found).toContain(name);
      }),
    );
  });

  it("without a match are not guessed", () => {
    expect(resolveName("weather in Paris", names).kind).toBe("unknown");
  });
});
