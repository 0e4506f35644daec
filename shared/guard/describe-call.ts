import type { CallDetails } from "../audit/record.ts";
import type { Subject } from "../call/subject.ts";
import type { Policy } from "../policy/compile.ts";
import type { Decision } from "../policy/decide.ts";
import { describeArguments } from "./describe-arguments.ts";
import type { RequestContext } from "./request-context.ts";

/** Origin of a call; every {@link RequestContext} is one. */
export type CallOrigin = Pick<RequestContext, "identity" | "policy" | "traceId" | "sessionId"> &
  Pick<CallDetails, "lane">;

/** The record of a call before it runs, admitted or refused. Sets the call's id and start time. */
export function describeCall(
  { identity, policy, traceId, sessionId, lane }: CallOrigin,
  subject: Subject,
  args: Readonly<Record<string, unknown>>,
  decision: Decision,
): CallDetails {
  return {
    callId: crypto.randomUUID(),
    traceId,
    startedAt: Date.now(),
    clientId: identity.clientId,
    sessionId,
    lane,
    kind: subject.kind,
    server: subject.server,
    name: subject.name,
    ip: identity.ip,
    country: identity.country,
    policy: describePolicy(policy),
    rule: decision.rule,
    ...describeArguments(args, subject.fields),
  };
}

/** `3:9f86d081884c7d65`. The digest is needed because version 1 differs between releases. */
function describePolicy({ version, digest }: Policy): string {
  return `${version}:${digest.slice(0, 16)}`;
}
