import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { measureDistance } from "../../shared/text/edit-distance.ts";

const word = fc.string({ unit: fc.constantFrom("a", "b", "c", "d"), maxLength: 9 });

describe("the edit distance", () => {
  it("counts a character that is added, removed, replaced or swapped with its neighbour as one", () => {
    expect(measureDistance("refund", "refund")).toBe(0);
    for (const slip of ["refnud", "refun", "refunds", "rifund", "erfund"]) {
      expect(measureDistance(slip, "refund")).toBe(1);
    }
    expect(measureDistance("ca", "abc")).toBe(3);
    expect(measureDistance("", "abc")).toBe(3);
  });

  it("is the same in both directions", () => {
    fc.assert(
      fc.property(word, word, (one, other) => {
        expect(measureDistance(one, other)).toBe(measureDistance(other, one));
      }),
    );
  });

  it("agrees up to its limit with the distance without one, and is over the limit where that is", () => {
    fc.assert(
      fc.property(word, word, fc.nat(6), (one, other, limit) => {
        const whole = measureDistance(one, other);
        const limited = measureDistance(one, other, limit);
        if (whole <= limit) expect(limited).toBe(whole);
        else expect(limited).toBeGreaterThan(limit);
      }),
    );
  });
});
