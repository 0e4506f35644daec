import type { ReadLabel } from "../call/flow-labels.ts";
import { compileExpression, type Expression } from "./expression.ts";
import { isAbout, type Use } from "./flow/uses.ts";
import { compileGlobs } from "./glob.ts";
import type { ApprovalDocument } from "./schema.ts";

/** Minutes until a request for approval expires, unless its rule says otherwise. */
const DEFAULT_MINUTES = 60;

/** Bounds of a standing approval: most calls, and most days. */
export interface StandingLimit {
  calls: number;
  days: number;
}

/** One compiled rule that requires approval. */
export interface CompiledApproval {
  /** `roles.sales.require_approval.book-won-deals`, or `….require_approval[0]` for a bare list of tools. */
  rule: string;
  message: string;
  /** Whether the user whose app calls may approve it. */
  selfApproval: boolean;
  expiresMinutes: number;
  /** What may be approved in advance; `null` for nothing. */
  standing: StandingLimit | null;
  covers(tool: Use & { name: string }): boolean;
  /** `null` requires approval of every covered call. */
  when: Expression | null;
}

/** The combined demand of all rules that cover a call. */
export interface ApprovalNeed {
  rule: string;
  message: string;
  selfApproval: boolean;
  expiresMinutes: number;
  standing: StandingLimit | null;
}

/** Compiles the `require_approval` of a role. Throws `ExpressionError` for an invalid expression. */
export function compileApprovals(
  role: string,
  documents: readonly ApprovalDocument[] = [],
): CompiledApproval[] {
  return documents.map((document, index) => {
    const place = `roles.${role}.require_approval`;
    if (typeof document === "string") {
      const tools = compileGlobs([document]);
      return {
        rule: `${place}[${index}]`,
        message: `The policy asks for a person's approval of every call of ${document}.`,
        selfApproval: false,
        expiresMinutes: DEFAULT_MINUTES,
        standing: null,
        covers: ({ name }) => tools(name) !== null,
        when: null,
      };
    }
    const { name, tools, when, message, self_approval, expires_minutes, standing } = document;
    const matches = compileGlobs(tools);
    return {
      rule: `${place}.${name}`,
      message,
      selfApproval: self_approval ?? false,
      expiresMinutes: expires_minutes ?? DEFAULT_MINUTES,
      standing: standing ?? null,
      covers: (tool) => isAbout(document, tool) && matches(tool.name) !== null,
      when: when === undefined ? null : compileExpression(when.expression),
    };
  });
}

/**
 * Whether a call with these arguments needs an approval, and the strictest combination of the matching rules:
 * one rule that forbids self-approval forbids it, and the shortest expiry applies. An expression that cannot
 * be evaluated requires approval.
 */
export function findApprovalNeed(
  rules: readonly CompiledApproval[],
  call: Use & { name: string; args: Readonly<Record<string, unknown>>; country: string | null } & {
    /** What the session has met; without it, a rule that asks for it requires an approval. */
    session?: readonly ReadLabel[] | undefined;
  },
): ApprovalNeed | null {
  const { name, effect, args, country, session } = call;
  const facts = { tool: name, effect, country: country ?? "", args, ...(session && { session }) };
  const asking = rules.filter(
    ({ covers, when }) => covers(call) && (when === null || when.evaluate(facts) !== "false"),
  );
  const decisive = asking.find(({ selfApproval }) => !selfApproval) ?? asking[0];
  if (decisive === undefined) return null;
  const { rule, message, selfApproval } = decisive;
  return {
    rule,
    message,
    selfApproval,
    expiresMinutes: Math.min(...asking.map((one) => one.expiresMinutes)),
    standing: combineStanding(asking.map((one) => one.standing)),
  };
}

/** What all of these allow together: one that allows nothing decides. */
function combineStanding(limits: readonly (StandingLimit | null)[]): StandingLimit | null {
  const given = limits.flatMap((limit) => limit ?? []);
  if (given.length < limits.length || given.length === 0) return null;
  return {
    calls: Math.min(...given.map(({ calls }) => calls)),
    days: Math.min(...given.map(({ days }) => days)),
  };
}
