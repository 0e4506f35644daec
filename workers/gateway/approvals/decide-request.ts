import type { Context } from "hono";
import { approvalGate, type DecisionResult } from "../../../shared/objects/approval-gate.ts";
import { publishOwn } from "../../../shared/objects/change-gate.ts";
import type { Policy } from "../../../shared/policy/compile.ts";
import { maskText } from "../../../shared/redact/mask-text.ts";
import { toDisplayText } from "../../../shared/text/display-text.ts";
import type { Person } from "../people.ts";
import { recordEvent } from "../record-event.ts";
import { REASON_LENGTH } from "./approval-page.tsx";
import type { OpenedApproval } from "./open-approval.ts";

/** Why a decision does not count. */
export interface DecisionProblem {
  status: 403 | 404 | 409 | 410;
  text: string;
}

const RESULTS: Record<Exclude<DecisionResult, "recorded">, DecisionProblem> = {
  unknown: { status: 404, text: "This request is not kept any more." },
  closed: { status: 409, text: "This has been decided already; your answer changed nothing." },
  expired: {
    status: 410,
    text: "This request has expired, so the call does not run. The app can ask again.",
  },
  policy_changed: { status: 409, text: "The policy has changed since. The app has to make its call again." },
  disconnected: { status: 409, text: "The app that asked has been disconnected." },
  own: {
    status: 403,
    text: "You cannot approve calls of your own apps. Ask another person who may approve them.",
  },
};

/**
 * Applies a person's decision on a request that they have opened: on its own page, or on the page of many. Durable, and
 * recorded in both chains, when it returns `recorded`.
 *
 * @param reason - the approver's own words, used when the request is refused
 */
export async function decideRequest<E extends { Bindings: Env }>(
  c: Context<E>,
  policy: Policy,
  person: Person,
  { item, powers, obstacle }: OpenedApproval,
  { granted, reason }: { granted: boolean; reason: string | null },
): Promise<"recorded" | DecisionProblem> {
  const problem = granted ? findProblem(powers, item.state === "pending" ? obstacle : null) : null;
  if (problem !== null) return problem;
  const { approvalId, requester, binding } = item;
  const result = await approvalGate(c.env, requester).decideApproval({
    approvalId,
    by: person.id,
    granted,
    reason: granted ? null : toReason(reason),
    policyDigest: policy.digest,
  });
  if (result !== "recorded") return RESULTS[result];
  const event = { type: "approval_decision", granted, approvalId, requester, tool: binding.tool } as const;
  await recordEvent(c, person.id, event);
  c.executionCtx.waitUntil(publishOwn(c.env, requester));
  return "recorded";
}

function findProblem(powers: OpenedApproval["powers"], obstacle: string | null): DecisionProblem | null {
  switch (powers) {
    case "withdraw":
      return RESULTS.own;
    case "confirm_first":
      return { status: 403, text: "Sign in again before you approve this." };
    case "code_first":
    case "set_up_first":
      return { status: 403, text: "Give your second factor before you approve this." };
    default:
      return obstacle === null ? null : { status: 409, text: obstacle };
  }
}

/** The approver's own words, without invisible characters and secrets. */
function toReason(text: string | null): string | null {
  const reason = maskText(toDisplayText(text ?? "", REASON_LENGTH), ["secret"]);
  return reason === "" ? null : reason;
}
