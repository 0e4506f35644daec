import type { ReadLabel, Sends } from "../../call/flow-labels.ts";
import type { Subject } from "../../call/subject.ts";
import { ToolError } from "../../call/tool-error.ts";
import { principalGate } from "../../objects/principal-gate.ts";
import { memoryRules } from "../../policy/flow/information-flow.ts";
import { decide, judged, requireAllowed } from "../decide.ts";
import type { ClientChannel, RequestContext } from "../request-context.ts";

/** A running call whose arguments the policy has allowed. */
export interface AllowedCall {
  subject: Subject;
  input: Readonly<Record<string, unknown>>;
  /** What the session had met when the policy allowed it. */
  session: readonly ReadLabel[] | undefined;
}

/**
 * Wraps the channel of a call whose answers leave the company: those of a tool that sends something outside, and the
 * words of the client's model for another system, whatever the tool. After such an answer the call is decided again by
 * what the session has met until then. Throws `forbidden` where it would not be allowed any more without an approval that
 * it does not have.
 */
export function judgeAnswers(ctx: RequestContext, call: AllowedCall, channel: ClientChannel): ClientChannel {
  const after = async <Value>(answer: Promise<Value>, sends: Sends): Promise<Value> => {
    const value = await answer;
    if (sends === "outside") await judgeAgain(ctx, { ...call, subject: { ...call.subject, sends } });
    return value;
  };
  const { sends } = call.subject;
  return {
    ...channel,
    ask: (question) => after(channel.ask(question), sends),
    sample: (prompt, options) => after(channel.sample(prompt, options), sends),
    relay: (inquiry) =>
      after(channel.relay(inquiry), inquiry.method === "sampling/createMessage" ? "outside" : sends),
  };
}

async function judgeAgain(ctx: RequestContext, { subject, input, session }: AllowedCall): Promise<void> {
  const { env, identity, policy } = ctx;
  const met = await principalGate(env, identity.userId).readMet(
    identity.clientId,
    memoryRules(policy.informationFlow),
  );
  const now = decide(policy, identity, subject, judged({ met }, input));
  requireAllowed(now);
  if (now.kind !== "approval") return;
  const before = decide(policy, identity, subject, { args: input, ...(session && { session }) });
  // Its approval was given for what the session had met then.
  if (before.kind === "approval") return;
  throw new ToolError(
    "forbidden",
    `While this call waited for an answer, the session has read more. ${now.reason}`,
    {
      suggestedAction: "Make the call again: it then asks for the approval that it needs now.",
    },
  );
}
