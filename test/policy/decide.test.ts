import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decide } from "../../shared/policy/decide.ts";
import type { RoleDocument } from "../../shared/policy/schema.ts";
import { buildPolicy, principal, subject } from "./build-policy.ts";

type RoleConditions = NonNullable<RoleDocument["conditions"]>;

describe("a decision", () => {
  it("denies by default", () => {
    const decision = decide(buildPolicy({ allowed_tools: [] }), principal(), subject());
    expect(decision).toMatchObject({ kind: "deny", rule: "roles.worker.allowed_tools" });
  });

  it("denies a role that the policy does not have, of any name", () => {
    for (const role of ["visitor", "", "__proto__", "constructor", "toString"]) {
      expect(decide(buildPolicy(), principal({ role }), subject())).toMatchObject({
        kind: "deny",
        rule: "roles",
      });
    }
  });

  it("prefers a deny over every allow, and names it", () => {
    const policy = buildPolicy({ allowed_tools: ["crm_move_deal", "*"], denied_tools: ["x", "crm_*"] });
    expect(decide(policy, principal(), subject())).toMatchObject({
      kind: "deny",
      rule: "roles.worker.denied_tools[1]",
    });
  });

  it("requests a step-up only when the role could hold the scope", () => {
    const without = principal({ scopes: [] });
    expect(decide(buildPolicy(), without, subject())).toMatchObject({ kind: "scope", scope: "crm:write" });
    expect(decide(buildPolicy({ scopes: ["crm:read"] }), without, subject())).toMatchObject({
      kind: "deny",
      rule: "roles.worker.scopes",
    });
  });

  it("ignores a scope of the token that the role may not hold", () => {
    const policy = buildPolicy({ scopes: ["crm:read"] });
    expect(decide(policy, principal(), subject()).kind).toBe("deny");
  });

  it("refuses with the condition's own message, and only arguments that violate it", () => {
    const conditions = [
      {
        name: "small-amounts",
        tools: ["crm_*"],
        require: { expression: "args.amount <= 50000" },
        message: "Ask Finance.",
      },
    ];
    const policy = buildPolicy({ conditions });
    const of = (amount: unknown) => decide(policy, principal(), subject({ args: { amount } }));
    expect(of(50_000).kind).toBe("allow");
    expect(of(50_000.01)).toMatchObject({
      kind: "deny",
      rule: "roles.worker.conditions.small-amounts",
      reason: "Ask Finance.",
    });
    // Values that cannot be evaluated are refused.
    for (const amount of ["1", null, undefined, [1], {}, Number.NaN]) expect(of(amount).kind).toBe("deny");
    expect(decide(policy, principal(), subject()).kind, "without a call").toBe("allow");
    expect(decide(policy, principal(), subject({ name: "search" })).kind, "not covered").toBe("allow");
  });

  it("applies countries, networks, certificates, hours and effects", () => {
    const only = (require: object, effects?: RoleConditions[number]["effects"]) =>
      buildPolicy({
        conditions: [
          { name: "c", tools: ["*"], resources: ["*"], ...(effects && { effects }), require, message: "No." },
        ],
      });
    const kind = (policy: ReturnType<typeof only>, who: object, what: object = {}) =>
      decide(policy, principal(who), subject(what)).kind;
    const german = only({ countries: ["DE", "AT"] });
    expect([kind(german, {}), kind(german, { country: "US" }), kind(german, { country: null })]).toEqual([
      "allow",
      "deny",
      "deny",
    ]);
    const office = only({ networks: ["203.0.113.0/24"] }, ["update"]);
    expect(kind(office, {})).toBe("allow");
    expect(kind(office, { ip: "203.0.114.1" })).toBe("deny");
    expect(kind(office, { ip: null })).toBe("deny");
    expect(kind(office, { ip: null }, { effect: "read" }), "another effect").toBe("allow");
    expect(kind(office, { ip: null }, { kind: "resource" }), "resources too").toBe("deny");
    const managed = only({ certificate: "required" });
    const pinned = only({ certificate: ["AB".repeat(32)] });
    const [own, other] = [{ certificate: "ab".repeat(32) }, { certificate: "cd".repeat(32) }];
    expect([kind(managed, {}), kind(managed, own), kind(managed, other)]).toEqual(["deny", "allow", "allow"]);
    expect([kind(pinned, {}), kind(pinned, own), kind(pinned, other)]).toEqual(["deny", "allow", "deny"]);
    const day = only({ hours: { from: "08:00", to: "18:00", time_zone: "Europe/Berlin" } });
    expect(kind(day, { at: Date.parse("2026-07-01T15:59:00Z") })).toBe("allow");
    expect(kind(day, { at: Date.parse("2026-07-01T16:00:00Z") })).toBe("deny");
  });
});

const NAMES = ["crm_find", "crm_move", "crm_delete", "search", "analytics_sql"];
const SCOPES = ["crm:read", "crm:write", "knowledge:read"];
const COUNTRIES = ["DE", "US"];
const KINDS = ["tool", "resource", "prompt"] as const;

const globList = fc.array(fc.constantFrom(...NAMES, "*", "crm_*", "*_find", "*s*", "nothing"), {
  maxLength: 3,
});
/** Every one of these is true for n = 0, in one country at least. */
const expression = fc.constantFrom(
  "args.n <= 3",
  'args.n <= 3 && country == "DE"',
  'country == "US" || args.n < 5',
  'country == "DE" && has(args.n)',
);
const conditionList = fc.array(
  fc.record({
    tools: fc.constantFrom<string[]>(["*"], ["crm_*"], ["search"]),
    require: fc.oneof(
      fc.record({ expression }),
      fc.record({ countries: fc.constantFrom<string[]>(["DE"], ["US"], ["DE", "US"]) }),
    ),
  }),
  { maxLength: 3 },
);
const roleParts = fc.record({
  scopes: fc.subarray([...SCOPES, "crm:*"]),
  allowed_tools: globList,
  denied_tools: globList,
  allowed_resources: globList,
  denied_resources: globList,
  allowed_prompts: globList,
  denied_prompts: globList,
  conditions: conditionList,
  require_approval: fc.array(
    fc.oneof(
      fc.constantFrom("crm_*", "search"),
      fc.record({ tools: fc.constantFrom<string[]>(["*"], ["crm_*"]), when: fc.record({ expression }) }),
    ),
    { maxLength: 2 },
  ),
});
type RoleParts = typeof roleParts extends fc.Arbitrary<infer Parts> ? Parts : never;
const situation = fc.record({
  parts: roleParts,
  kind: fc.constantFrom(...KINDS),
  name: fc.constantFrom(...NAMES),
  scope: fc.constantFrom(...SCOPES),
  token: fc.subarray(SCOPES),
  country: fc.constantFrom(...COUNTRIES),
});

/** The same expressions in TypeScript. */
const judged = {
  "args.n <= 3": ({ n }: Facts) => n <= 3,
  'args.n <= 3 && country == "DE"': ({ n, country }: Facts) => n <= 3 && country === "DE",
  'country == "US" || args.n < 5': ({ n, country }: Facts) => country === "US" || n < 5,
  'country == "DE" && has(args.n)': ({ country }: Facts) => country === "DE",
};
interface Facts {
  n: number;
  country: string;
}

function policyOf({ parts }: { parts: RoleParts }) {
  const conditions = parts.conditions.map((condition, index) => ({
    ...condition,
    name: `c${index}`,
    message: "No.",
  }));
  const require_approval = parts.require_approval.map((rule, index) =>
    typeof rule === "string" ? rule : { ...rule, name: `a${index}`, message: "Look." },
  );
  return buildPolicy({ ...parts, conditions, require_approval });
}

/** The slow and obvious way to match a glob. */
function fits(globs: readonly string[], name: string): boolean {
  return globs.some((glob) => new RegExp(`^${glob.replaceAll("*", ".*")}$`).test(name));
}

describe("over random policies", () => {
  it("a listed name can be called with some arguments, possibly after an approval, and the reverse, on every surface", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(situation, (given) => {
        const policy = policyOf(given);
        const who = principal({ scopes: SCOPES, country: given.country });
        const what = subject({ kind: given.kind, name: given.name, scope: given.scope });
        const listed = decide(policy, who, what).kind !== "deny";
        const callable = [0, 4, 9].some((n) =>
          ["allow", "approval"].includes(decide(policy, who, { ...what, args: { n } }).kind),
        );
        seen.add(`${given.kind} ${listed}`);
        expect(callable).toBe(listed);
      }),
      { numRuns: 2_000 },
    );
    expect(seen.size, "both outcomes on each of the three surfaces").toBe(6);
  });

  it("allows exactly the intersection of token, role, lists and conditions", () => {
    fc.assert(
      fc.property(situation, fc.constantFrom(0, 4, 9), (given, n) => {
        const { parts, kind, name, scope, token, country } = given;
        const args = { n };
        const holds = ({ tools, require }: (typeof parts.conditions)[number]) => {
          if (kind !== "tool" || !fits(tools, name)) return true;
          if ("countries" in require) return require.countries.includes(country);
          return judged[require.expression]({ n, country });
        };
        const expected =
          token.includes(scope) &&
          fits(parts.scopes, scope) &&
          fits(parts[`allowed_${kind}s`], name) &&
          !fits(parts[`denied_${kind}s`], name) &&
          parts.conditions.every(holds);
        const decision = decide(
          policyOf(given),
          principal({ scopes: token, country }),
          subject({ kind, name, scope, ...(kind === "tool" && { args }) }),
        );
        expect(decision.kind === "allow" || decision.kind === "approval").toBe(expected);
        const asking = parts.require_approval.some((rule) => {
          if (typeof rule === "string") return fits([rule], name);
          return fits(rule.tools, name) && judged[rule.when.expression]({ n, country });
        });
        if (expected) expect(decision.kind).toBe(kind === "tool" && asking ? "approval" : "allow");
      }),
      { numRuns: 2_000 },
    );
  });

  it("adding a deny never allows more", () => {
    fc.assert(
      fc.property(situation, fc.constantFrom(...NAMES, "*", "crm_*"), (given, glob) => {
        const list = `denied_${given.kind}s` as const;
        const stricter = { ...given, parts: { ...given.parts, [list]: [...given.parts[list], glob] } };
        const what = subject({ kind: given.kind, name: given.name, scope: given.scope });
        const who = principal({ scopes: given.token, country: given.country });
        if (decide(policyOf(given), who, what).kind === "deny") {
          expect(decide(policyOf(stricter), who, what).kind).toBe("deny");
        }
      }),
    );
  });
});
