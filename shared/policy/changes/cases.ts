import { z } from "zod";
import { READ_LABELS } from "../../call/flow-labels.ts";
import type { Policy } from "../compile.ts";
import { decideRight, RIGHT_NAMES } from "../console.ts";
import { type Decision, decide } from "../decide.ts";
import type { Known } from "./known.ts";
import type { Mistake, ReadFile } from "./read-policy.ts";

/** One case of `policy.test.yaml`: a call, and its expected decision. */
const policyCase = z.strictObject({
  name: z.string().min(1).describe("What the case shows, as a sentence."),
  role: z.string().min(1),
  tool: z.string().optional(),
  resource: z.string().optional(),
  prompt: z.string().optional(),
  event: z.string().optional(),
  console: z.enum(RIGHT_NAMES).optional().describe("A right in the console, in place of something to call."),
  args: z
    .record(z.string(), z.json())
    .optional()
    .describe("Arguments of a tool; none means the empty object."),
  session: z
    .array(z.enum(READ_LABELS))
    .optional()
    .describe("What the session has met before the call; nothing when left out."),
  scopes: z.array(z.string()).optional().describe("What the token carries; by default every declared scope."),
  ip: z.string().optional(),
  country: z.string().optional(),
  mfa_age: z
    .number()
    .min(0)
    .optional()
    .describe("Minutes since the second factor behind the app; none when left out."),
  at: z.iso
    .datetime({ offset: true })
    .optional()
    .describe("Time of the call; by default 1 July 2026, noon UTC."),
  expect: z.enum(["allow", "scope", "mfa", "approval", "deny"]),
  rule: z.string().optional().describe("The rule that must decide, when it matters which."),
});

/** The file of cases. */
export const policyCases = z.strictObject({ cases: z.array(policyCase).min(1) });

type PolicyCases = z.output<typeof policyCases>;
/** One call to judge. */
export type PolicyQuestion = Omit<PolicyCases["cases"][number], "name" | "expect" | "rule">;

const NOON = "2026-07-01T12:00:00Z";

/** Runs all cases. Returns one mistake for each unexpected result. */
export function runCases(policy: Policy, known: Known, { value, locate }: ReadFile<PolicyCases>): Mistake[] {
  return (value?.cases ?? []).flatMap((test, index) => {
    const decision = judge(policy, known, test);
    if (typeof decision === "string") return [locate(["cases", index], decision)];
    const asExpected =
      decision.kind === test.expect && (test.rule === undefined || test.rule === decision.rule);
    if (asExpected) return [];
    const wanted = test.rule === undefined ? test.expect : `${test.expect} by ${test.rule}`;
    const got = `${decision.kind} by ${decision.rule}`;
    return [locate(["cases", index], `"${test.name}" expects ${wanted}, and the policy says ${got}.`)];
  });
}

/** Judges one call. Returns a sentence instead of a decision when the question names nothing registered. */
export function judge(policy: Policy, known: Known, question: PolicyQuestion): Decision | string {
  if (question.console !== undefined) return decideRight(policy, question.role, question.console);
  const subject = known.subjects.find(({ kind, name }) => question[kind] === name);
  if (subject === undefined) {
    const named = question.tool ?? question.resource ?? question.prompt ?? question.event;
    return named === undefined
      ? "Name a tool, a resource, a prompt, an event or a right in the console."
      : `Nothing is called "${named}".`;
  }
  const at = Date.parse(question.at ?? NOON);
  const principal = {
    role: question.role,
    scopes: question.scopes ?? known.scopes,
    ip: question.ip ?? null,
    country: question.country ?? null,
    at,
    mfaAt: question.mfa_age === undefined ? null : at - question.mfa_age * 60_000,
  };
  return decide(policy, principal, {
    ...subject,
    ...(subject.kind === "tool" && { args: question.args ?? {}, session: question.session ?? [] }),
  });
}
