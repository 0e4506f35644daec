import { labelsOf, type ReadLabel } from "../../call/flow-labels.ts";
import type { Subject } from "../../call/subject.ts";
import { principalGate } from "../../objects/principal-gate.ts";
import { memoryRules } from "../../policy/flow/information-flow.ts";
import type { CallContext } from "../../server/define.ts";
import type { RequestContext } from "../request-context.ts";

/** The context of a call, which also adds to `reads` what the call finds out about its data. */
export function noteOrigins<Context extends Pick<CallContext, "meets">>(
  context: Context,
  reads: Set<ReadLabel>,
): Context {
  return {
    ...context,
    meets(labels) {
      for (const label of labels) reads.add(label);
      context.meets(labels);
    },
  };
}

/** Where the data of an answer comes from that gives what earlier or other calls have read: all that the session has met. */
export async function recalledOrigins(
  { env, identity, policy }: Pick<RequestContext, "env" | "identity" | "policy">,
  { recalls }: Pick<Subject, "recalls">,
): Promise<ReadLabel[]> {
  if (!recalls) return [];
  const rules = memoryRules(policy.informationFlow);
  return labelsOf(await principalGate(env, identity.userId).readMet(identity.clientId, rules));
}
