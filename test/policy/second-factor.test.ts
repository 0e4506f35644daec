import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decide } from "../../shared/policy/decide.ts";
import { freshnessNeeded, isFresh } from "../../shared/policy/second-factor.ts";
import { buildPolicy, principal, subject } from "./build-policy.ts";

const MINUTE = 60_000;
const NOON = Date.parse("2026-07-01T12:00:00Z");
const money = {
  name: "fresh-factor",
  tools: ["crm_*"],
  require: { mfa_max_age: 30 },
  message: "Money moves.",
};

const kindAt = (minutesAgo: number | null, parts: object = {}) =>
  decide(
    buildPolicy({ conditions: [money] }),
    principal({ at: NOON, mfaAt: minutesAgo === null ? null : NOON - minutesAgo * MINUTE }),
    subject(parts),
  ).kind;

describe("a condition on the age of the second factor", () => {
  it("holds up to its last millisecond, and for tools that it does not cover", () => {
    expect([kindAt(0), kindAt(30), kindAt(30 + 1 / MINUTE), kindAt(31), kindAt(null)]).toEqual([
      "allow",
      "allow",
      "mfa",
      "mfa",
      "mfa",
    ]);
    expect(kindAt(null, { name: "search" })).toBe("allow");
  });

  it("treats a time slightly in the future as a clock that jumped back, and a later one as not fresh", () => {
    expect([kindAt(-1), kindAt(-2)]).toEqual(["allow", "mfa"]);
  });

  it("names the rule, its reason, the required age and the actual age", () => {
    const policy = buildPolicy({ conditions: [money] });
    const ask = (mfaAt: number | null) => decide(policy, principal({ at: NOON, mfaAt }), subject());
    expect(ask(null)).toEqual({
      kind: "mfa",
      rule: "roles.worker.conditions.fresh-factor",
      reason:
        "Money moves. This needs a second factor at most 30 minutes old; this app was connected without one.",
    });
    expect(ask(NOON - 300 * MINUTE)).toMatchObject({
      reason: expect.stringContaining("the one this app was connected with is 5 hours old"),
    });
  });

  it("never turns a deny or a missing scope into access", () => {
    const closed = { ...money, name: "closed", require: { mfa_max_age: 30, countries: ["FR"] } };
    const policy = buildPolicy({ conditions: [closed] });
    expect(decide(policy, principal({ at: NOON, mfaAt: NOON }), subject()).kind).toBe("deny");
    const denied = buildPolicy({ conditions: [money], denied_tools: ["crm_*"] });
    expect(decide(denied, principal({ at: NOON }), subject()).kind).toBe("deny");
    const open = buildPolicy({ conditions: [money] });
    expect(decide(open, principal({ at: NOON, scopes: [] }), subject()).kind).toBe("scope");
  });

  it("comes before an approval: a call that cannot run is not submitted for approval", () => {
    const policy = buildPolicy({ conditions: [money], require_approval: ["crm_*"] });
    const asked = subject({ args: {} });
    expect(decide(policy, principal({ at: NOON }), asked).kind).toBe("mfa");
    expect(decide(policy, principal({ at: NOON, mfaAt: NOON }), asked).kind).toBe("approval");
  });

  it("is refused by the schema where it has no effect", () => {
    for (const mfa_max_age of [0, -1, 1.5, "30"] as number[]) {
      expect(() => buildPolicy({ conditions: [{ ...money, require: { mfa_max_age } }] })).toThrow();
    }
  });
});

describe("a role that requires a second factor", () => {
  it("denies everything without one, and with one requires the age of its conditions", () => {
    const policy = buildPolicy({ mfa: "required" });
    expect(decide(policy, principal({ at: NOON }), subject({ name: "search" }))).toMatchObject({
      kind: "mfa",
      rule: "roles.worker.mfa",
    });
    expect(decide(policy, principal({ at: NOON, mfaAt: 1 }), subject()).kind, "however old").toBe("allow");
  });

  it("is connected with one that no condition of the role finds too old", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 500 }), { maxLength: 4 }),
        fc.boolean(),
        (ages, required) => {
          const conditions = ages.map((age, index) => ({
            ...money,
            name: `c${index}`,
            require: { mfa_max_age: age },
          }));
          const policy = buildPolicy({ conditions, mfa: required ? "required" : "optional" });
          const needed = freshnessNeeded(policy.roles.get("worker"));
          expect(needed === null).toBe(ages.length === 0 && !required);
          if (needed === null) return;
          const mfaAt = NOON - Math.min(needed, 1_000 * MINUTE);
          expect(isFresh(mfaAt, needed, NOON)).toBe(true);
          expect(decide(policy, principal({ at: NOON, mfaAt }), subject()).kind).toBe("allow");
        },
      ),
    );
  });
});
