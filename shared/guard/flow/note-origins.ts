import type { ReadLabel } from "../../call/flow-labels.ts";
import type { CallContext } from "../../server/define.ts";

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
