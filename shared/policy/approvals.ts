import type { Effect } from "../call/subject.ts";
import { compileExpression, type Expression } from "./expression.ts";
import { compileGlobs } from "./glob.ts";
import type { ApprovalDocument } from "./schema.ts";

/** Minutes that a request for approval lives when its rule names none. */
const DEFAULT_MINUTES = 60;

/** One rule that asks for a person, ready to be asked itself. */
export interface CompiledApproval {
  /** `roles.sales.require_approval.book-won-deals`, or `….require_approval[0]` for a bare name of tools. */
  rule: string;
  message: string;
  /** Whether the person whose app calls may approve it. */
  selfApproval: boolean;
  expiresMinutes: number;
  covers(tool: string, effect: Effect): boolean;
  /** `null` asks for every call of what is covered. */
  when: Expression | null;
}

/** What all rules that cover a call ask for together. */
export interface ApprovalNeed {
  rule: string;
  message: string;
  selfApproval: boolean;
  expiresMinutes: number;
}

/** Compiles the `require_approval` of a role. Throws `ExpressionError` for an expression that is not valid. */
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
        covers: (tool) => tools(tool) !== null,
        when: null,
      };
    }
    const { name, tools, effects, when, message, self_approval, expires_minutes } = document;
    const matches = compileGlobs(tools);
    return {
      rule: `${place}.${name}`,
      message,
      selfApproval: self_approval ?? false,
      expiresMinutes: expires_minutes ?? DEFAULT_MINUTES,
      covers: (tool, effect) => (effects === undefined || effects.includes(effect)) && matches(tool) !== null,
      when: when === undefined ? null : compileExpression(when.expression),
    };
  });
}

/**
 * Whether a call with these arguments needs a person, and the strictest of what the rules that say so ask for: one
 * rule that forbids self-approval forbids it, and the shortest time counts. What an expression cannot judge needs one.
 */
export function findApprovalNeed(
  rules: readonly CompiledApproval[],
  {
    name,
    effect,
    args,
    country,
  }: { name: string; effect: Effect; args: Readonly<Record<string, unknown>>; country: string | null },
): ApprovalNeed | null {
  const facts = { tool: name, effect, country: country ?? "", args };
  const asking = rules.filter(
    ({ covers, when }) => covers(name, effect) && (when === null || when.evaluate(facts) !== "false"),
  );
  const decisive = asking.find(({ selfApproval }) => !selfApproval) ?? asking[0];
  if (decisive === undefined) return null;
  const { rule, message, selfApproval } = decisive;
  return {
    rule,
    message,
    selfApproval,
    expiresMinutes: Math.min(...asking.map((one) => one.expiresMinutes)),
  };
}
