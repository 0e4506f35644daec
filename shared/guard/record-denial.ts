import type { Subject } from "../call/subject.ts";
import { principalGate } from "../objects/principal-gate.ts";
import { log } from "../observe/log.ts";
import type { Decision } from "../policy/decide.ts";
import { type CallOrigin, describeCall } from "./describe-call.ts";
import type { RequestContext } from "./request-context.ts";

/** A decision that stops a call. */
export type Refused = Extract<Decision, { kind: "deny" | "scope" | "mfa" }>;

/**
 * Whether a decision stops the call. One that requires an approval does not: the call goes on and may have to
 * wait.
 */
export function isRefusal(decision: Decision): decision is Refused {
  return decision.kind === "deny" || decision.kind === "scope" || decision.kind === "mfa";
}

/**
 * Records a refused call in the user's chain and logs it. Runs after the response, because nothing was
 * executed.
 *
 * @param callId - id of a call whose intent was already recorded
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
