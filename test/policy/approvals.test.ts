import { describe, expect, it } from "vitest";
import type { ReadLabel } from "../../shared/call/flow-labels.ts";
import { type DecisionSubject, decide } from "../../shared/policy/decide.ts";
import type { ApprovalDocument } from "../../shared/policy/schema.ts";
import { buildPolicy, principal, subject } from "./build-policy.ts";

const rule = (parts: Partial<Exclude<ApprovalDocument, string>> = {}): ApprovalDocument => ({
  name: "large-orders",
  tools: ["crm_*"],
  message: "Finance looks at it.",
  ...parts,
});

function judge(
  rules: ApprovalDocument[],
  args?: Record<string, unknown>,
  parts: object = {},
  asked: Partial<DecisionSubject> = {},
) {
  const policy = buildPolicy({ require_approval: rules, ...parts });
  return decide(policy, principal(), subject({ ...asked, ...(args && { args }) }));
}

describe("a rule that asks for approval", () => {
  it("lets the list show the tool, and stops the call with its own sentence", () => {
    expect(judge([rule()]).kind).toBe("allow");
    expect(judge([rule()], {})).toEqual({
      kind: "approval",
      rule: "roles.worker.require_approval.large-orders",
      reason: "Finance looks at it.",
      selfApproval: false,
      standing: null,
      expiresMinutes: 60,
    });
  });

  it("may consist of tool names only", () => {
    expect(judge(["search", "crm_*"], {})).toMatchObject({
      kind: "approval",
      rule: "roles.worker.require_approval[1]",
      selfApproval: false,
    });
    expect(judge(["search"], {}).kind).toBe("allow");
  });

  it("applies where its expression is true or cannot be evaluated, and only there", () => {
    const large = rule({ when: { expression: "args.amount > 50000" } });
    expect(judge([large], { amount: 50_000 }).kind).toBe("allow");
    for (const amount of [50_001, "1", null, undefined, [1], {}]) {
      expect(judge([large], { amount }).kind, String(amount)).toBe("approval");
    }
  });

  it("applies only to the effects that it names", () => {
    expect(judge([rule({ effects: ["delete"] })], {}).kind).toBe("allow");
    expect(judge([rule({ effects: ["update", "delete"] })], {}).kind).toBe("approval");
  });

  it("comes after denies, conditions and missing scopes", () => {
    expect(judge([rule()], {}, { denied_tools: ["crm_*"] }).kind).toBe("deny");
    const conditions = [{ name: "no", tools: ["*"], require: { countries: ["US"] }, message: "No." }];
    expect(judge([rule()], {}, { conditions }).kind).toBe("deny");
    const policy = buildPolicy({ require_approval: [rule()] });
    expect(decide(policy, principal({ scopes: [] }), subject({ args: {} })).kind).toBe("scope");
  });

  it("is as strict as the strictest of all that cover the call, in any order", () => {
    const own = rule({ name: "own", self_approval: true, expires_minutes: 5 });
    const other = rule({ name: "other", message: "Another person looks." });
    for (const rules of [
      [own, other],
      [other, own],
    ]) {
      expect(judge(rules, {})).toMatchObject({
        rule: "roles.worker.require_approval.other",
        selfApproval: false,
        expiresMinutes: 5,
      });
    }
    expect(judge([own], {})).toMatchObject({ selfApproval: true, expiresMinutes: 5 });
  });
});

describe("a rule about what leaves the company", () => {
  const gate = rule({
    tools: ["*"],
    sends: "outside",
    when: { expression: 'session.has("private", "untrusted")' },
  });
  const decideAfter = (
    session: readonly ReadLabel[] | undefined,
    sends: "outside" | "nothing",
    parts: object = {},
  ) => judge([gate], {}, parts, { sends, ...(session && { session }) });

  it("asks once a session has read both private data and words of others, and only for what sends", () => {
    expect(decideAfter(["private", "untrusted"], "outside").kind).toBe("approval");
    expect(decideAfter(["private", "untrusted"], "nothing").kind).toBe("allow");
    expect(decideAfter(["private"], "outside").kind).toBe("allow");
    expect(decideAfter([], "outside").kind).toBe("allow");
  });

  it("asks where it is not known what the session has read", () => {
    expect(decideAfter(undefined, "outside").kind).toBe("approval");
  });

  it("can deny as a condition, and then hides no tool", () => {
    const deny = {
      conditions: [
        {
          name: "never-together",
          tools: ["*"],
          sends: "outside" as const,
          require: { expression: '!session.has("private", "untrusted")' },
          message: "Not after both.",
        },
      ],
    };
    const after = (session?: readonly ReadLabel[]) =>
      judge([], session && {}, deny, { sends: "outside", ...(session && { session }) });
    expect(after(["untrusted", "private"])).toMatchObject({
      kind: "deny",
      rule: "roles.worker.conditions.never-together",
      reason: "Not after both.",
    });
    expect(after(["untrusted"]).kind).toBe("allow");
    expect(after().kind, "in a list").toBe("allow");
  });
});
