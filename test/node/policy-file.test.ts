import { describe, expect, it } from "vitest";
import { policyCases, runCases } from "../../shared/policy/changes/cases.ts";
import { checkAgainst } from "../../shared/policy/changes/check-against.ts";
import type { Known, KnownSubject } from "../../shared/policy/changes/known.ts";
import { type Mistake, readPolicy, readYaml } from "../../shared/policy/changes/read-policy.ts";

const FILE = "policy.yaml";

const VALID = `default_role: reader

limits:
  calls_per_client: 100
  calls_per_costly_tool: 10
  calls_per_user: 300
  concurrent_calls: 20
  units_per_day: 10000
  costly_units: 10

roles:
  reader:
    description: Reads.
    scopes: ["shop:read"]
    allowed_tools: ["shop_find_*"]
    denied_tools: [shop_find_salaries]
    allowed_resources: ["*"]
    allowed_prompts: []
    mask: &shown { public: show, internal: show, pii: show, secret: drop, text: [secret] }
  buyer:
    description: Buys.
    scopes: ["shop:*"]
    allowed_tools: ["*"]
    allowed_resources: ["*"]
    allowed_prompts: []
    mask: *shown
    conditions:
      - name: small-orders
        tools: [shop_order]
        require:
          expression: args.amount <= 50000
        message: Ask Finance.
    require_approval:
      - name: large-orders
        tools: [shop_order]
        when: { expression: args.amount > 10000 }
        message: Finance looks at it.
      - shop_find_salaries
    approves: [shop_order, shop_find_salaries]
`;

const tool = (
  name: string,
  effect: KnownSubject["effect"],
  input: KnownSubject["input"] = null,
): KnownSubject => ({
  kind: "tool",
  name,
  scope: effect === "read" ? "shop:read" : "shop:write",
  effect,
  reads: [],
  sends: "nothing",
  input,
});

const KNOWN: Known = {
  scopes: ["shop:read", "shop:write"],
  subjects: [
    tool("shop_find_goods", "read"),
    tool("shop_find_salaries", "read"),
    tool("shop_order", "create", {
      properties: {
        amount: { type: "number" },
        note: { type: "string" },
        rush: { type: "boolean", default: false },
      },
      required: ["amount"],
    }),
    {
      ...{ kind: "resource", name: "shop_stock", scope: "shop:read" },
      ...{ effect: "read", reads: [], sends: "nothing", input: null },
    },
  ],
};

function check(text: string): readonly Mistake[] {
  const read = readPolicy(FILE, text);
  return read.value === null ? read.mistakes : checkAgainst(read.value, KNOWN, read.locate);
}

/** The mistakes after one passage was changed, and its line. */
function checkWith(passage: string, replacement: string) {
  const offset = VALID.indexOf(passage);
  expect(offset, passage).toBeGreaterThan(-1);
  return {
    mistakes: check(VALID.replace(passage, replacement)),
    line: VALID.slice(0, offset).split("\n").length,
  };
}

const DENIED = "denied_tools: [shop_find_salaries]";
const CONDITION = "expression: args.amount <= 50000";
const EXPRESSION = "roles.buyer.conditions[0].require.expression";

describe("a policy file", () => {
  it("without mistakes is compiled", () => {
    expect(check(VALID)).toEqual([]);
    expect(readPolicy(FILE, VALID).policy?.roles.size).toBe(2);
  });

  it.each([
    ["no YAML", DENIED, "denied_tools: }", "", "Not valid YAML"],
    [
      "a role that is not there",
      "default_role: reader",
      "default_role: guest",
      "default_role",
      "names no role",
    ],
    ["an unknown field", DENIED, "forbidden_tools: []", "roles.reader.forbidden_tools", "is not a field"],
    ["a list that is none", DENIED, "denied_tools: a", "roles.reader.denied_tools", "must be a list"],
    [
      "a misspelled tool",
      DENIED,
      "denied_tools: [shop_find_salarys]",
      "roles.reader.denied_tools[0]",
      '"shop_find_salarys" names no tool. Did you mean shop_find_salaries',
    ],
    [
      "a glob that fits nothing",
      DENIED,
      'denied_tools: ["shp_*"]',
      "roles.reader.denied_tools[0]",
      "names no tool",
    ],
    [
      "a scope that no server declares",
      'scopes: ["shop:read"]',
      'scopes: ["shop:reed"]',
      "roles.reader.scopes[0]",
      "Did you mean shop:read",
    ],
    [
      "a condition that does not parse",
      CONDITION,
      "expression: args.amount <=",
      EXPRESSION,
      "Unexpected token",
    ],
    ["a condition that is none", CONDITION, "expression: args.amount", EXPRESSION, "must give bool"],
    [
      "a comparison of wrong types",
      CONDITION,
      `expression: args.amount == "much"`,
      EXPRESSION,
      "For shop_order: no such overload: double == string",
    ],
    ["a whole number", CONDITION, "expression: args.amount == 5", EXPRESSION, "write 5.0 for 5"],
    [
      "an argument that is not there",
      CONDITION,
      "expression: has(args.amont)",
      EXPRESSION,
      'it has no argument "amont". It has: amount',
    ],
    [
      "an optional argument",
      CONDITION,
      `expression: args.note != ""`,
      EXPRESSION,
      "Ask has(args.note) first",
    ],
    ["a regular expression", CONDITION, `expression: args.note.matches("a")`, EXPRESSION, "not available"],
    [
      "a network that is none",
      CONDITION,
      "networks: [10.0.0.0/99]",
      "roles.buyer.conditions[0].require.networks[0]",
      "must be a network such as",
    ],
    [
      "a time zone that is none",
      CONDITION,
      `hours: { from: "08:00", to: "18:00", time_zone: Berlin }`,
      "roles.buyer.conditions[0].require.hours.time_zone",
      "must be an IANA time zone",
    ],
    [
      "an approval of a misspelled tool",
      "- shop_find_salaries",
      "- shop_find_salary",
      "roles.buyer.require_approval[1]",
      '"shop_find_salary" names no tool. Did you mean shop_find_salaries',
    ],
    [
      "an approval with an unknown field",
      "when: { expression: args.amount > 10000 }",
      "if: { expression: args.amount > 10000 }",
      "roles.buyer.require_approval[0].if",
      "is not a field",
    ],
    [
      "an approval that asks about what may be left out",
      "when: { expression: args.amount > 10000 }",
      `when: { expression: 'args.note != ""' }`,
      "roles.buyer.require_approval[0].when.expression",
      "which would ask for approval. Ask has(args.note) first",
    ],
    [
      "an approval that lives too long",
      "message: Finance looks at it.",
      "expires_minutes: 2000\n        message: Finance looks at it.",
      "roles.buyer.require_approval[0].expires_minutes",
      "1440",
    ],
    [
      "an approval that no role can give",
      "- shop_find_salaries",
      "- shop_find_goods",
      "roles.buyer.require_approval[1]",
      "no role can approve shop_find_goods",
    ],
    [
      "an approver of nothing that is there",
      "approves: [shop_order, shop_find_salaries]",
      "approves: [shop_order, shop_find_salaries, shp_order]",
      "roles.buyer.approves[2]",
      '"shp_order" names no tool',
    ],
    [
      "arguments of a resource",
      "tools: [shop_order]",
      "resources: [shop_stock]",
      EXPRESSION,
      "looks at the arguments of tools",
    ],
  ])("with %s is refused by line and field", (what, passage, replacement, field, message) => {
    const { mistakes, line } = checkWith(passage, replacement);
    const found = mistakes.find((mistake) => mistake.message.includes(message));
    // A condition about a resource is reported at its expression, three lines further down.
    const expected = what === "arguments of a resource" ? line + 2 : line;
    expect(found ?? mistakes).toMatchObject({ file: FILE, line: expected, field });
  });

  it("may use an argument with a default without asking for it", () => {
    expect(checkWith(CONDITION, "expression: args.rush == false").mistakes).toEqual([]);
  });

  it("reports all its mistakes at once", () => {
    expect(checkWith(DENIED, "denied_tools: [nobody_a, nobody_b]").mistakes).toHaveLength(2);
  });

  it("reports a role and a condition with two definitions", () => {
    expect(check(`${VALID}  buyer: {}\n`)[0]?.message).toContain("Map keys must be unique");
    const rule = VALID.slice(VALID.indexOf("      - name:"), VALID.indexOf("    require_approval:"));
    expect(check(VALID.replace(rule, rule + rule))).toMatchObject([
      { field: "roles.buyer.conditions[1].name" },
    ]);
    const asks = VALID.slice(VALID.indexOf("      - name: large-orders"), VALID.indexOf("      - shop_find"));
    expect(check(VALID.replace(asks, asks + asks))).toMatchObject([
      { field: "roles.buyer.require_approval[1].name" },
    ]);
  });

  it("with multiplying aliases is refused and does not fill the memory", () => {
    const bomb = ["a0: &a0 [x, x]"];
    for (let level = 1; level < 40; level += 1)
      bomb.push(`a${level}: &a${level} [*a${level - 1}, *a${level - 1}]`);
    expect(check(bomb.join("\n"))).toMatchObject([{ message: expect.stringContaining("alias count") }]);
  });
});

describe("policy cases", () => {
  const run = (text: string) => {
    const { policy } = readPolicy(FILE, VALID);
    if (policy === null) throw new Error("The policy of this test is not valid.");
    const cases = readYaml("cases.yaml", text, policyCases);
    return [...cases.mistakes, ...runCases(policy, KNOWN, cases)];
  };

  it("pass when the policy decides as they expect", () => {
    expect(
      run(`cases:
  - { name: a, role: buyer, tool: shop_order, args: { amount: 10000 }, expect: allow }
  - { name: e, role: buyer, tool: shop_order, args: { amount: 10001 }, expect: approval, rule: roles.buyer.require_approval.large-orders }
  - { name: b, role: buyer, tool: shop_order, args: { amount: 50001 }, expect: deny, rule: roles.buyer.conditions.small-orders }
  - { name: c, role: buyer, tool: shop_order, args: { amount: 1 }, scopes: [], expect: scope }
  - { name: d, role: reader, resource: shop_stock, expect: allow }
`),
    ).toEqual([]);
  });

  it("are reported with their line, their expectation and the deciding rule", () => {
    expect(run("cases:\n  - { name: free, role: reader, tool: shop_order, expect: allow }\n")).toMatchObject([
      {
        file: "cases.yaml",
        line: 2,
        message: '"free" expects allow, and the policy says deny by roles.reader.allowed_tools.',
      },
    ]);
    expect(
      run("cases:\n  - { name: x, role: reader, tool: shop_ordr, expect: allow }\n")[0]?.message,
    ).toContain('Nothing is called "shop_ordr"');
  });
});
