import type { Proposal } from "../../../shared/call/proposal.ts";
import { ToolError } from "../../../shared/call/tool-error.ts";
import type { ToolContext } from "../../../shared/server/define.ts";
import { STEP_MS, STEP_PIECES } from "../../../shared/server/task-workflow.ts";
import type { Plan } from "../imports/plans.ts";
import { UNDO_DAYS } from "../store/images.ts";
import { type Stamp, stampCall } from "../store/stamp.ts";
import type { CrmStore } from "../store.ts";
import { idOfConfirm, refuseChangedPreview } from "./confirm.ts";

/** Rows per slice: one batch of the database. */
export const ROWS_A_SLICE = 1_000;

/** Maximum rows that a call processes inline, even if the client supports tasks. */
export const ROWS_AT_ONCE = 5_000;

/** Progress of a plan: its id, and whether the user has confirmed it. */
export type PlanState = { plan: string; agreed: boolean };

/** The plan id in a `confirm` value. Throws `conflict` when it holds none. */
export function requirePlanId(confirm: string): string {
  const id = idOfConfirm(confirm);
  if (id === undefined) throw refuseChangedPreview();
  return id;
}

/** Throws `conflict` unless a `confirm` value was made for exactly this plan. */
export async function requireConfirm(
  { fitsConfirm }: Pick<ToolContext, "fitsConfirm">,
  proposal: Proposal,
  confirm: string,
): Promise<void> {
  if (!(await fitsConfirm(proposal, confirm))) throw refuseChangedPreview();
}

/**
 * The plan with this id. Throws `conflict` unless it belongs to the caller, has the same arguments, and has
 * not expired.
 */
export async function requirePlan(
  { store, principal, now }: Pick<ToolContext<CrmStore>, "store" | "principal" | "now">,
  id: string,
  tool: string,
  digest: string,
): Promise<Plan> {
  const plan = await store.plans.read(id, stampCall(principal, now));
  if (plan?.tool !== tool || plan.arguments !== digest) throw refuseChangedPreview();
  if (plan.stopped && plan.done < plan.parts) throw refuseStopped();
  return plan;
}

/**
 * Runs slices of a plan in sequence, for some seconds. Safe to repeat: progress is read from the plan, and
 * one batch writes a slice and its progress.
 */
export async function advancePlan(
  { store, principal, now, signal, progress }: ToolContext<CrmStore>,
  id: string,
  total: number,
  runSlice: (plan: Plan, stamp: Stamp) => Promise<boolean>,
): Promise<Plan> {
  const stamp = stampCall(principal, now);
  const until = Date.now() + STEP_MS;
  for (let pieces = 0; ; pieces += 1) {
    const plan = await store.plans.read(id, stamp);
    if (!plan) throw refuseChangedPreview();
    progress(plan.changed + plan.skipped, total, "rows");
    if (plan.done >= plan.parts || pieces >= STEP_PIECES || Date.now() >= until) return plan;
    if (plan.stopped) throw refuseStopped();
    signal.throwIfAborted();
    if (await runSlice(plan, stamp)) continue;
    const again = await store.plans.read(id, stamp);
    if (again?.done === plan.done && !again.stopped) throw refuseStopped();
  }
}

/** Output fields of a plan that has started. */
export async function describePlan(
  { sealConfirm, now }: Pick<ToolContext, "sealConfirm" | "now">,
  { parts, done, changeId }: Plan,
  proposal: Proposal,
  remaining: number,
) {
  return {
    remaining,
    done: true,
    ...(done < parts && { confirm: await sealConfirm(proposal) }),
    ...(done > 0 && { change_id: changeId, undo_until: lastUndoDay(now) }),
  };
}

/** Stops a plan and describes its result so far. */
export async function stopPlan(
  { store, principal, now }: ToolContext<CrmStore>,
  id: string,
  what: string,
  total: number,
): Promise<string> {
  const plan = await store.plans.stop(id, stampCall(principal, now));
  if (!plan || plan.done === 0) return "Nothing was written.";
  const skipped = plan.skipped > 0 ? `, ${plan.skipped} were left as they are` : "";
  return `${plan.changed} of ${total} ${what} were written and stay${skipped}; crm_undo_change takes them back until ${lastUndoDay(now)} with change_id ${plan.changeId}.`;
}

function lastUndoDay(now: Date): string {
  return new Date(now.getTime() + UNDO_DAYS * 86_400_000).toISOString().slice(0, 10);
}

function refuseStopped(): ToolError {
  return new ToolError("conflict", "This work was cancelled or taken back, and goes no further.", {
    suggestedAction: "Call without confirm: the new preview shows what is still to do.",
  });
}
