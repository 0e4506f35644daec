import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileGlobs } from "../../shared/policy/glob.ts";
import { compileHours } from "../../shared/policy/hours.ts";
import { compileNetworks } from "../../shared/policy/network.ts";

describe("globs", () => {
  const fits = (glob: string, name: string) => compileGlobs([glob])(name) !== null;

  it("match whole names, case-sensitive", () => {
    expect(fits("crm_*", "crm_find")).toBe(true);
    expect(fits("crm_*", "xcrm_find")).toBe(false);
    expect(fits("crm", "crm_find")).toBe(false);
    expect(fits("CRM_*", "crm_find")).toBe(false);
    expect(fits("*", "")).toBe(true);
    expect(fits("a*a", "a")).toBe(false);
    expect(fits("", "x")).toBe(false);
  });

  it("agree with the equivalent regular expression", () => {
    const glob = fc.string({ unit: fc.constantFrom("a", "b", "_", "*"), maxLength: 8 });
    const name = fc.string({ unit: fc.constantFrom("a", "b", "_"), maxLength: 10 });
    fc.assert(
      fc.property(fc.array(glob, { maxLength: 4 }), name, (globs, text) => {
        const found = globs.findIndex((each) => new RegExp(`^${each.replaceAll("*", ".*")}$`).test(text));
        expect(compileGlobs(globs)(text)?.index ?? -1).toBe(found);
      }),
      { numRuns: 3_000 },
    );
  });

  it("are linear where a regular expression would take minutes", () => {
    expect(fits(`${"*a".repeat(31)}*b`, "a".repeat(100_000))).toBe(false);
  });
});

describe("networks", () => {
  const isIn = (block: string, ip: string | null) => compileNetworks([block])(ip);

  it.each([
    ["203.0.113.0/24", "203.0.113.255", true],
    ["203.0.113.0/24", "203.0.114.0", false],
    ["0.0.0.0/0", "8.8.8.8", true],
    ["0.0.0.0/0", "2001:db8::1", false],
    ["192.0.2.1/32", "192.0.2.1", true],
    ["192.0.2.1/32", "::ffff:192.0.2.1", true],
    ["2001:db8::/32", "2001:db8:ffff::1", true],
    ["2001:db8::/32", "2001:db9::1", false],
    ["2001:db8::/32", "2001:0DB8:0:0:0:0:0:1", true],
    ["::1/128", "::1", true],
    ["203.0.113.0/24", "203.0.113.1.5", false],
    ["203.0.113.0/24", "203.0.113.999", false],
    ["0.0.0.0/0", "not an address", false],
    ["0.0.0.0/0", null, false],
    ["::/0", "1::2::3", false],
  ])("%s and %s: %s", (block, ip, expected) => {
    expect(isIn(block, ip)).toBe(expected);
  });
});

describe("hours", () => {
  const at = (text: string) => Date.parse(text);

  it("belong to their time zone, in summer and in winter", () => {
    const office = compileHours({ from: "09:00", to: "17:00", time_zone: "Europe/Berlin" });
    expect(office(at("2026-07-01T07:00:00Z"))).toBe(true);
    expect(office(at("2026-01-01T07:00:00Z"))).toBe(false);
    expect(office(at("2026-01-01T08:00:00Z"))).toBe(true);
    expect(office(at("2026-01-01T16:00:00Z"))).toBe(false);
  });

  it("over midnight belong to the day on which they began", () => {
    const friday = compileHours({ from: "22:00", to: "06:00", time_zone: "UTC", days: ["fri"] });
    expect(friday(at("2026-11-20T22:00:00Z"))).toBe(true);
    expect(friday(at("2026-11-21T05:59:00Z"))).toBe(true);
    expect(friday(at("2026-11-21T22:00:00Z"))).toBe(false);
    expect(friday(at("2026-11-20T05:00:00Z"))).toBe(false);
  });
});
