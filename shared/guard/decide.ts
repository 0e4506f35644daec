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
 * Step 1: decides whether this principal may use this subject now, under this policy. What is listed can be called,
 * because lists and calls ask the same. Where it is asked, and why (a test compares the list with the imports):
 *
 * - `shared/guard/guard.ts`: before admission, and after it when the person's object knows a newer role or policy
 * - `shared/guard/call-tool.ts`: on the whole arguments of a call or step, and on other tools that the call needs
 * - `shared/guard/guarded-read.ts`: on a read as it will run; no person can be asked for one
 * - `shared/guard/approval/fresh-factor.ts`: again with a second factor that the person gave since
 * - `shared/guard/flow/judge-answers.ts`: after an answer in the middle of a call, when the session has read more
 * - `shared/guard/embedded-resources.ts`: on resources that a result of another system names
 * - `shared/guard/masking/mask-session-memory.ts`: on the tool whose kept rows an app reads again
 * - `shared/guard/start-task.ts`: so that a refusal which names tasks does not reveal a tool
 * - `shared/guard/visible.ts`: a list leaves out resources whose second factor is missing
 * - `shared/mcp/message-target.ts`: for the challenge that asks a client for a scope
 * - `shared/mcp/methods/handlers.ts`: before the members of a template are read for a list
 * - `shared/mcp/methods/tasks.ts`: on the tool of a task whose state is read
 * - `shared/mcp/stateless/event-stream.ts`: before each look for events of an open stream
 * - `shared/mcp/subscriptions/subscriber.ts`: before a resource is compared for a subscriber
 * - `shared/mcp/subscriptions/watch.ts`: to notice that a subscriber's rights have changed
 * - `workers/objects/events/standing.ts`: before each delivery to a webhook
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
