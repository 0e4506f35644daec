import type { Subject } from "../call/subject.ts";
import { principalGate } from "../objects/principal-gate.ts";
import { log } from "../observe/log.ts";
import type { Decision } from "../policy/decide.ts";
import { type CallOrigin, describeCall } from "./describe-call.ts";
import type { RequestContext } from "./request-context.ts";

/** A decision by which nothing runs. */
export type Refused = Extract<Decision, { kind: "deny" | "scope" | "mfa" }>;

/** Whether a decision refuses. One that asks for an approval does not: its call goes on, and may then have to wait. */
export function isRefusal(decision: Decision): decision is Refused {
  return decision.kind === "deny" || decision.kind === "scope" || decision.kind === "mfa";
}

/**
 * Writes a refused call into its person's chain and logs it. Off the critical path: nothing ran, so the answer need
 * not wait.
 *
 * @param callId - of a call whose intent was recorded before it was refused
 */
export function recordDenial(
  origin: CallOrigin & Pick<RequestContext, "env" | "waitUntil">,
  subject: Subject,
  args: Readonly<Record<string, unknown>>,
  decision: Refused,
  callId?: string,
): void {
  const details = {
    ...describeCall(origin, subject, args, decision),
    ...(callId !== undefined && { callId }),
  };
  const { userId, clientId } = origin.identity;
  const { callId: call_id, traceId: trace_id, lane, server, kind, name, rule } = details;
  const who = { user_id: userId, client_id: clientId };
  log("info", "denial", {
    call_id,
    trace_id,
    lane,
    server,
    kind,
    name,
    ...who,
    decision: decision.kind,
    rule,
  });
  origin.waitUntil(
    principalGate(origin.env, userId)
      .record(userId, { type: "denial", decision: decision.kind, ...details })
      .catch((failure: unknown) => log("error", "denial_not_recorded", { call_id, error: String(failure) })),
  );
}
