import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ReadLabel } from "../../shared/call/flow-labels.ts";
import { compileExpression, ExpressionError } from "../../shared/policy/expression.ts";

const FACTS = { tool: "crm_move_deal", effect: "update", country: "DE" };
const ask = (source: string, args?: Record<string, unknown>) =>
  compileExpression(source).evaluate({ ...FACTS, ...(args && { args }) });

function mistakeOf(source: string, types?: Record<string, string>): string {
  try {
    compileExpression(source, types);
    return "none";
  } catch (failure) {
    if (failure instanceof ExpressionError) return failure.message;
    throw failure;
  }
}

describe("an expression", () => {
  it("is unknown exactly while the missing arguments decide", () => {
    expect(ask("args.x == 1")).toBe("unknown");
    expect(ask('args.x == 1 && country == "US"')).toBe("false");
    expect(ask('country == "DE" || args.x == 1')).toBe("true");
    expect(ask("has(args.x)")).toBe("unknown");
  });

  it("compares JSON numbers of either kind, and gives an error for a key that is missing", () => {
    expect(ask("args.n <= 50000", { n: 50_000 })).toBe("true");
    expect(ask("args.n <= 50000", { n: 0.5 })).toBe("true");
    expect(ask("args.n <= 50000.5", { n: 50_001 })).toBe("false");
    expect(ask("args.n <= 50000", {})).toBe("error");
    expect(ask("args.n <= 50000", { n: "1" })).toBe("error");
    expect(ask("has(args.n) && args.n <= 50000", { n: undefined })).toBe("false");
    expect(ask('args.tags.exists(tag, tag == "vip")', { tags: ["new", "vip"] })).toBe("true");
  });

  it("knows what the session has met, and without a session only what does not depend on it", () => {
    const judge = (source: string, session?: readonly ReadLabel[], args?: object) =>
      compileExpression(source).evaluate({
        ...FACTS,
        ...(args && { args: { ...args } }),
        ...(session && { session }),
      });
    const both = 'session.has("private", "untrusted")';
    expect(judge(both, ["untrusted", "private"], {})).toBe("true");
    expect(judge(both, ["private"], {})).toBe("false");
    expect(judge('session.has("private")', ["private"], {})).toBe("true");
    expect(judge(both, [], {})).toBe("false");
    expect(judge(both, undefined, {}), "a call of which nothing is known").toBe("error");
    expect(judge(both)).toBe("unknown");
    expect(judge(both, ["private"]), "a recorded call, without its arguments").toBe("false");
    expect(judge(`${both} && args.n > 1`, ["private", "untrusted"])).toBe("unknown");
  });

  it("cannot read inherited properties of a plain object", () => {
    for (const name of ["constructor", "toString", "__proto__", "hasOwnProperty"]) {
      expect(ask(`"${name}" in args`, {}), name).toBe("false");
      expect(ask(`args["${name}"] != 1`, {}), name).toBe("error");
    }
  });

  it.each([
    ["half a comparison", "1 +", "Unexpected token"],
    ["nothing", "", "Unexpected"],
    ["no condition", "args.amount", "must give bool"],
    ["text", '"yes"', "must give bool"],
    ["a wrong type", "tool == 5", "no such overload: string == int"],
    ["an unknown name", "user.name == 'x'", "Unknown variable: user"],
    ["a regular expression", 'tool.matches("(a+)+$")', "matches() is not available"],
    ["a binding that can double", "cel.bind(x, args.a, x == 1)", "bind() is not available"],
    ["a list that can double", "args.l.map(x, x + x).size() > 1", "map() is not available"],
    ["a quantifier in a quantifier", "args.l.all(x, x.all(y, y == 1))", "must not stand inside another one"],
    ["sizes that multiply", "args.l.all(x, size(args.t) > 1)", "args is not at hand inside"],
    ["400 parentheses", `${"(".repeat(400)}true${")".repeat(400)}`, "maxDepth"],
    ["900 negations", `${"!".repeat(900)}true`, "max"],
    ["120 alternatives", `true${" || true".repeat(120)}`, "maxAstNodes"],
    ["a label that no tool has", 'session.has("secret")', 'session.has() takes "private" and "untrusted"'],
    ["a label that is computed", "session.has(args.label)", "session.has() takes"],
    ["a session as a value", "session == args.x", "no such overload"],
    ["a list of 150", `1 in [${"1,".repeat(150)}1]`, "max"],
  ])("is refused with a reason when it is %s", (_what, source, reason) => {
    expect(mistakeOf(source)).toContain(reason);
  });

  it("is checked against the types of a tool's own arguments", () => {
    const types = { stage: "string", amount: "double", tags: "list<string>" };
    expect(mistakeOf('args.stage != "won" && args.amount <= 5 && "a" in args.tags', types)).toBe("none");
    expect(mistakeOf("args.amount == 'x'", types)).toContain("no such overload: double == string");
    expect(mistakeOf("args.stgae == 'x'", types)).toContain("No such key: stgae");
    expect(mistakeOf("args.tags == 1", types)).toContain("no such overload");
  });

  it("always ends, with a verdict or one kind of mistake, for any expression", () => {
    const piece = fc.constantFrom(
      ...'args.x|args.l|tool|country|true|null|1|-1|1.5e308|"a"|(|)|[|]|{|}|,|.|==|!=|<|&&| || |!|?|:|in|has(|size(|all(|x'.split(
        "|",
      ),
    );
    const source = fc.oneof(
      fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(" ")),
      fc.string({ maxLength: 100, unit: "binary" }),
    );
    fc.assert(
      fc.property(source, fc.dictionary(fc.string(), fc.jsonValue()), (text, args) => {
        if (mistakeOf(text) !== "none") return;
        expect(["true", "false", "error"]).toContain(ask(text, args));
      }),
      { numRuns: 500 },
    );
  });

  it("answers on arguments of a megabyte", () => {
    const text = "x".repeat(1_000_000);
    expect(ask('args.t.contains("y") || size(args.t) > 10', { t: text })).toBe("true");
    expect(ask("args.l.all(x, x < 3)", { l: Array(100_000).fill(1) })).toBe("true");
    let deep: unknown = 1;
    for (let depth = 0; depth < 10_000; depth += 1) deep = { a: deep };
    expect(ask("args.d.a.a.a.a == 1", { d: deep }), "a map is no number").toBe("error");
  });
});
