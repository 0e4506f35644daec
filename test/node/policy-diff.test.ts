import { expect, it } from "vitest";
import { describeDifference } from "../../shared/policy/changes/diff.ts";
import { type PolicyDocument, policyDocument } from "../../shared/policy/schema.ts";

const MASK = { public: "show", internal: "show", pii: "show", secret: "drop", text: [] };
const ALL = { allowed_tools: ["*"], allowed_resources: ["*"], allowed_prompts: ["*"] };
const ROLE = { description: "Sells.", scopes: ["*"], ...ALL, mask: MASK };
const LIMITS = {
  calls_per_client: 100,
  calls_per_costly_tool: 10,
  calls_per_user: 300,
  concurrent_calls: 20,
  units_per_day: 10_000,
  costly_units: 10,
};
const RULE = { name: "book-won-deals", tools: ["crm_move_deal"], message: "A person looks first." };

function read(role: object, rest: object = {}): PolicyDocument {
  return policyDocument.parse({
    default_role: "sales",
    limits: LIMITS,
    roles: { sales: { ...ROLE, ...role } },
    ...rest,
  });
}

function compare(before: PolicyDocument, after: PolicyDocument): string {
  return describeDifference(
    { name: "before", document: before },
    { name: "after", document: after },
    { subjects: [], scopes: [] },
  );
}

it.each([
  [
    "an approval that is asked for other calls",
    read({ require_approval: [{ ...RULE, when: { expression: 'args.stage == "won"' } }] }),
    read({ require_approval: [{ ...RULE, when: { expression: 'args.stage == "lost"' } }] }),
    "~ approval rule book-won-deals",
  ],
  ["an approval that is new", read({}), read({ require_approval: [RULE] }), "+ approval rule book-won-deals"],
  [
    "an approval that is gone",
    read({ require_approval: [RULE] }),
    read({}),
    "- approval rule book-won-deals",
  ],
  ["a page of the console", read({}), read({ console: ["people"] }), "+ console right people"],
  [
    "every page of the console",
    read({ console: ["*"] }),
    read({ console: ["people"] }),
    "- console right trail",
  ],
  ["whose calls a role approves", read({}), read({ approves: ["crm_*"] }), "~ approves: nothing → crm_*"],
  [
    "how long records are kept",
    read({}),
    read({}, { retention: { calls_days: 30 } }),
    "~ retention calls_days: 400 → 30",
  ],
  [
    "that nothing is removed any more",
    read({}),
    read({}, { retention: { legal_hold: true } }),
    "~ retention legal_hold: false → true",
  ],
])("the difference of two policies names %s", (_what, before, after, line) => {
  expect(compare(before, after)).toContain(line);
});

it("says that only words differ where no role can do more or less, and that nothing differs between equal policies", () => {
  expect(compare(read({}), read({ description: "Sells more." }))).toBe(
    "before → after: no role can do more or less; only descriptions, messages or names differ.",
  );
  expect(compare(read({}), read({}))).toBe("before → after: nothing changes.");
});
