import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { dealShape, presentDeal } from "../answers.ts";
import { previewDeal, previewFields } from "../changes/preview.ts";
import { idField, lineField, stageField, versionField } from "../fields.ts";
import { fromCents } from "../money.ts";
import { nameSubjects } from "../name-subjects.ts";
import { refuseStale, refuseUnknown, requireDeal } from "../refusals.ts";
import { listNextStages, needsReason, type Stage } from "../stages.ts";
import type { DealRow } from "../store/deals.ts";
import { stampCall } from "../store/stamp.ts";
import type { CrmStore } from "../store.ts";

/** Moves a deal to a stage and adds the step to its history. */
export const moveDeal = defineTool({
  name: "crm_move_deal",
  title: "Move a deal",
  effect: "update",
  scope: "crm:write",
  description:
    "Moves a deal to another stage and keeps the step in its history. Deals advance one stage at a time; losing or reopening a deal needs a reason. Needs the version you read.",
  input: z.object({
    deal_id: idField("deal"),
    version: versionField,
    stage: stageField.describe("The new stage"),
    reason: lineField(300).optional().describe("Why; needed to lose or reopen a deal"),
  }),
  output: z.object({ deal: dealShape, from: stageField }),
  nameSubjects,
  async check(input, { store }: Pick<ToolContext<CrmStore>, "store">) {
    await requireMovable(store, input);
  },
  async preview({ deal_id: id, stage, reason }, { store }: Pick<ToolContext<CrmStore>, "store">) {
    const deal = await requireDeal(store, id);
    return [
      previewDeal(deal, previewFields({ stage, reason }, { stage: deal.stage, reason: deal.close_reason })),
    ];
  },
  async run(input, { store, principal, context, now }: ToolContext<CrmStore>) {
    const { deal_id: id, version, stage, reason } = input;
    const before = await requireMovable(store, input);
    const result = await store.deals.move(id, version, stage, reason ?? null, stampCall(principal, now));
    if (result.outcome === "missing") throw refuseUnknown("deal", id);
    if (result.outcome === "stale") throw refuseStaleDeal(result.deal, version, stage);
    const { deal } = result;
    context.remember({ type: "company", id: deal.company_id, label: deal.company_name });
    context.remember({ type: "deal", id: deal.id, label: deal.name });
    return { deal: presentDeal(deal, now), from: before.stage };
  },
});

/**
 * The deal, if it may move. The rules apply to the stage that the caller saw; if the stage has changed since,
 * the call throws a conflict.
 */
async function requireMovable(
  store: CrmStore,
  input: { deal_id: string; version: number; stage: Stage; reason?: string | undefined },
): Promise<DealRow> {
  const deal = await requireDeal(store, input.deal_id);
  if (deal.version !== input.version) throw refuseStaleDeal(deal, input.version, input.stage);
  checkMove(deal.stage, input.stage, input.reason);
  return deal;
}

function checkMove(from: Stage, to: Stage, reason: string | undefined): void {
  if (from === to) throw new ToolError("conflict", `The deal is already in stage "${to}".`);
  const allowed = listNextStages(from);
  if (!allowed.includes(to)) {
    throw new ToolError("invalid_input", `A deal in stage "${from}" cannot move to "${to}".`, {
      suggestedAction: `From "${from}" it can move to: ${allowed.join(", ")}.`,
    });
  }
  if (reason === undefined && needsReason(from, to)) {
    throw new ToolError("invalid_input", `Moving a deal from "${from}" to "${to}" needs a reason.`);
  }
}

function refuseStaleDeal(deal: DealRow, given: number, to: Stage): ToolError {
  const current = { stage: deal.stage, amount: fromCents(deal.amount_cents) };
  return refuseStale(`Deal ${deal.id}`, deal, given, { shape: dealShape, current, yours: { stage: to } });
}
