import type { CallDetails } from "../audit/record.ts";
import type { Subject } from "../call/subject.ts";
import { type AdmissionRequest, accessOf, type Meeting } from "../objects/admission-request.ts";
import type { Admission, Admitted, Intent } from "../objects/principal-gate.ts";
import { principalGate } from "../objects/principal-gate.ts";
import { followPolicy, limitsOf, limitsOfRoles } from "../policy/current.ts";
import { memoryRules } from "../policy/flow/information-flow.ts";
import { explainRefusal } from "./explain-refusal.ts";
import { returnOutcomes, takeOutcomes } from "./outcome-buffer.ts";
import type { RequestContext } from "./request-context.ts";

/** What the Principal object answered, and the request with the user's role and session as the object knows them. */
export interface AdmittedRequest {
  admitted: Admitted;
  ctx: RequestContext;
}

/**
 * Step 2: one round trip to the user's Principal object. Once it returns, the intent is durable and the call
 * may run. Throws `access_ended`, `rate_limited` or `unavailable` when the object refuses.
 */
export async function admit(
  ctx: RequestContext,
  subject: Subject,
  details: CallDetails,
  timeoutMs: number,
): Promise<AdmittedRequest> {
  const { env, identity, policy } = ctx;
  const costlyTool = subject.costly ? subject.name : null;
  const { role } = identity;
  const limits = { limits: limitsOf(policy, role), limitsOfRoles: limitsOfRoles(policy) };
  const { continued } = ctx;
  const state = continued && { stateId: continued.stateId };
  const meeting = meetingOf(ctx, subject.reads, subject.recalls);
  const claim: AdmissionRequest = {
    ...accessOf(identity),
    ...{ costlyTool, timeoutMs, meeting },
    ...limits,
    ...state,
  };
  const intent: Intent = { ...details, userId: identity.userId };
  const admission = await sendIntent(env, intent, claim);
  if (!admission.admitted) {
    if (admission.refusal.code === "access_ended") ctx.endAccess();
    throw explainRefusal(admission.refusal);
  }
  if (admission.stateSpent) continued?.forgetAnswers();
  const met = admission.met === undefined ? {} : { met: admission.met };
  const known = admission.role === identity.role ? identity : { ...identity, role: admission.role };
  return { admitted: admission, ctx: { ...ctx, ...met, identity: known } };
}

/** What a call or a delivery does to the memory of its session, under the policy in force. */
export function meetingOf(
  { policy }: Pick<RequestContext, "policy">,
  reads: Meeting["reads"],
  recalls = false,
): Meeting {
  return { reads, recalls, ...memoryRules(policy.informationFlow) };
}

/** Marks what a running call has found out about its data. Durable when it returns. */
export async function markFound(
  ctx: RequestContext,
  { name }: Subject,
  found: Meeting["reads"],
): Promise<void> {
  const { userId, clientId } = ctx.identity;
  await principalGate(ctx.env, userId).meet(clientId, name, meetingOf(ctx, found));
}

/** Sends buffered outcomes of earlier calls with the intent; buffers them again if the RPC fails. */
async function sendIntent(env: Env, intent: Intent, claim: AdmissionRequest): Promise<Admission> {
  const { userId } = intent;
  const ended = takeOutcomes(userId);
  try {
    return await principalGate(env, userId).admit(intent, claim, ended);
  } catch (failure) {
    returnOutcomes(userId, ended);
    throw failure;
  }
}

/**
 * The request with the policy that the admission names, if that is newer. A version that can never be used
 * changes nothing. Throws `unavailable` when the policy cannot be loaded: its content is never guessed.
 */
export async function followAdmission(
  ctx: RequestContext,
  { policy }: Pick<Admitted, "policy">,
): Promise<RequestContext> {
  if (policy.publication <= ctx.policy.publication) return ctx;
  return { ...ctx, policy: (await followPolicy(ctx.env, policy)) ?? ctx.policy };
}
