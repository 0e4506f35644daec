import type { Effect } from "../../../shared/call/subject.ts";
import type { ApprovalState } from "../../../shared/objects/approval-gate.ts";

/** What a tool does, for people. */
export const EFFECT_TEXT: Record<Effect, string> = {
  read: "Reads data and changes nothing.",
  create: "Adds something new. Existing data is not changed.",
  update: "Changes or replaces existing data.",
  delete: "Deletes data.",
};

/** State of a request, for people. */
export const STATE_TEXT: Record<ApprovalState, string> = {
  pending: "Waits for a decision",
  approved: "Approved, not run yet",
  refused: "Refused",
  expired: "Expired",
  executed: "Approved and running",
  returned: "Approved and run",
};

/** Badge of a state in a list. */
export const STATE_BADGE: Record<ApprovalState, string> = {
  pending: "badge caution",
  approved: "badge good",
  refused: "badge",
  expired: "badge",
  executed: "badge good",
  returned: "badge good",
};

/** A time for people, in UTC. */
export function toMoment(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
