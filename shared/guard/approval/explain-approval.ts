import { ToolError } from "../../call/tool-error.ts";
import type { ApprovalAnswer } from "../../objects/approval-gate.ts";
import { explainRefusal } from "../explain-refusal.ts";
import type { RequestContext } from "../request-context.ts";

/**
 * The error for the model when a call that needs approval cannot run. Text that a person wrote is quoted as
 * theirs.
 */
export function explainApproval(
  answer: Exclude<ApprovalAnswer, { state: "approved" | "pending" }>,
  ctx: Pick<RequestContext, "endAccess">,
): ToolError {
  switch (answer.state) {
    case "refused": {
      const quoted = answer.reason === null ? "" : ` They wrote: ${JSON.stringify(answer.reason)}`;
      return new ToolError(
        "forbidden",
        `The person who was asked to approve this call refused it.${quoted}`,
        {
          suggestedAction: "Tell the person. Do not repeat the call unless they ask for it.",
        },
      );
    }
    case "expired":
      return new ToolError(
        "approval_required",
        "The approval was not given and used in time, so this call does not run.",
        {
          suggestedAction:
            "Ask the person whether it is still wanted. Repeating the call asks for approval again.",
        },
      );
    case "approver_changed":
      return new ToolError(
        "approval_required",
        "The person who approved this call may not approve it any more, so it does not run.",
        { suggestedAction: "Repeating the call asks another person for approval." },
      );
    case "full":
      return new ToolError("rate_limited", `${answer.open} calls of this person wait for approval already.`, {
        suggestedAction: "Wait until some of them are decided at the approvals page, then repeat the call.",
        retryAfter: 300,
      });
    case "access_ended":
      ctx.endAccess();
      return explainRefusal({ code: "access_ended" });
    case "unavailable":
      return explainRefusal({ code: "unavailable", retryAfter: 5 });
    case "role_changed":
      return new ToolError("conflict", "The person's role changed while the call waited.", {
        suggestedAction: "Repeat the call.",
      });
  }
}
