import { InputNeeded } from "../../call/input-needed.ts";
import { approvalGate } from "../../objects/approval-gate.ts";
import type { RequestContext } from "../request-context.ts";

/**
 * A tool that stops to ask something has changed nothing and runs again from its start, so it gets its
 * approval back. This happens before the question is sent, so that the next run cannot come too early.
 */
export async function keepApproval<T>(
  { env, identity }: RequestContext,
  callId: string,
  running: Promise<T>,
): Promise<T> {
  try {
    return await running;
  } catch (failure) {
    if (failure instanceof InputNeeded) await approvalGate(env, identity.userId).releaseApproval(callId);
    throw failure;
  }
}
