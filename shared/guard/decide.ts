import { labelsOf, type Met, type ReadLabel } from "../call/flow-labels.ts";
import type { PolicyCaller } from "../call/principal.ts";
import type { Subject } from "../call/subject.ts";
import { ToolError } from "../call/tool-error.ts";
import type { Policy } from "../policy/compile.ts";
import { type Decision, decide as decideBy } from "../policy/decide.ts";

type Asked = Pick<Subject, "kind" | "name" | "scope" | "effect" | "sends">;

/** A call as it will run. */
export interface JudgedCall {
  /** Arguments as the tool will get them. */
  args: Readonly<Record<string, unknown>>;
  /** What the session has met before it; unknown to objects of the release before, which counts as everything. */
  session?: readonly ReadLabel[];
}

/**
 * Step 1: decides whether this principal may use this subject now, under this policy. Lists, completion,
 * resources, prompts, calls and the scope challenge all use it, so a list shows exactly what can be called.
 *
 * @param call - the call as it will run; without it, decides whether any call could be allowed
 */
export function decide(
  policy: Policy,
  { role, scopes, ip, country, mfaAt, certificate, key }: PolicyCaller,
  { kind, name, scope, effect, sends }: Asked,
  call?: JudgedCall,
): Decision {
  return decideBy(
    policy,
    {
      ...{ role, scopes, ip, country, mfaAt, at: Date.now() },
      ...(certificate !== undefined && { certificate }),
      ...(key && { key }),
    },
    { kind, name, scope, effect, sends, ...call },
  );
}

/** A call with its arguments, and what the session had met when it was admitted. */
export function judged(
  { met }: { met?: readonly Met[] | undefined },
  args: Readonly<Record<string, unknown>>,
): JudgedCall {
  return { args, ...(met && { session: labelsOf(met) }) };
}

/** Whether a list shows the subject: it can be called now or after a step-up. */
export function isVisible(policy: Policy, identity: PolicyCaller, subject: Asked): boolean {
  return decide(policy, identity, subject).kind !== "deny";
}

/**
 * Throws `forbidden`, `mfa_required` (each with the rule's own sentence) or `insufficient_scope` unless the
 * policy allows the call, now or after an approval.
 */
export function requireAllowed(decision: Decision): void {
  if (decision.kind === "deny") throw new ToolError("forbidden", decision.reason);
  if (decision.kind === "mfa") throw new ToolError("mfa_required", decision.reason);
  if (decision.kind === "scope") {
    throw new ToolError(
      "insufficient_scope",
      `This needs the permission ${decision.scope}, which this app was not given.`,
    );
  }
}
