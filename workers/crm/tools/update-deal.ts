import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { dealFieldsShape, dealShape, presentDeal } from "../answers.ts";
import { previewDeal, previewFields, showAmount } from "../changes/preview.ts";
import { amountField, dayField, idField, lineField, ownerField, versionField } from "../fields.ts";
import { toCents } from "../money.ts";
import { nameSubjects } from "../name-subjects.ts";
import { resolveRecord } from "../record-owner.ts";
import { keepGiven, pickCurrent, refuseStale, requireChange, requireDeal } from "../refusals.ts";
import { resolveOwner } from "../resolve.ts";
import type { DealFields } from "../store/deals.ts";
import { stampCall } from "../store/stamp.ts";
import type { CrmStore } from "../store.ts";

/** Changes a deal's fields, except its stage, without overwriting other users' changes. */
export const updateDeal = defineTool({
  name: "crm_update_deal",
  title: "Update a deal",
  effect: "update",
  scope: "crm:write",
  description:
    "Changes the given fields of a deal; the stage moves with crm_move_deal. Needs the version you read.",
  input: z.object({
    deal_id: idField("deal"),
    version: versionField,
    name: lineField(200).optional().describe("Name"),
    amount: amountField.optional().describe("Amount"),
    expected_close: dayField.optional(),
    contact_id: idField("con").nullable().optional().describe("Contact of the same company; null for none"),
    owner: ownerField.optional(),
  }),
  output: z.object({ deal: dealShape }),
  nameSubjects,
  async check({ deal_id: id, version, ...given }, { store }: Pick<ToolContext<CrmStore>, "store">) {
    const deal = await requireDeal(store, id);
    requireChange(keepGiven(given));
    if (deal.version === version) return;
    const quoted = { shape: dealFieldsShape, current: {}, yours: {} };
    throw refuseStale(`Deal ${id}`, deal, version, quoted);
  },
  async preview(input, { store }: Pick<ToolContext<CrmStore>, "store">) {
    const deal = await requireDeal(store, input.deal_id);
    const { name, expected_close, contact_id, owner } = input;
    const amount = input.amount === undefined ? undefined : showAmount(toCents(input.amount));
    const now = { name: deal.name, amount: showAmount(deal.amount_cents), contact_id: deal.contact_id };
    const current = { ...now, expected_close: deal.expected_close_on, owner: deal.owner_name };
    return [previewDeal(deal, previewFields({ name, amount, expected_close, contact_id, owner }, current))];
  },
  async run(input, { store, principal, context, now }: ToolContext<CrmStore>) {
    const { deal_id: id, version } = input;
    const owner = await resolveOwner(store, principal, input.owner);
    const changes = keepGiven<DealFields>({
      name: input.name,
      amount_cents: input.amount === undefined ? undefined : toCents(input.amount),
      expected_close_on: input.expected_close,
      contact_id: input.contact_id,
      owner_id: owner?.id,
    });
    requireChange(changes);
    if (input.contact_id) await resolveRecord(store, { deal_id: id, contact_id: input.contact_id });
    const written = await store.deals.update(id, version, changes, stampCall(principal, now));
    const deal = await requireDeal(store, id);
    if (!written) {
      throw refuseStale(`Deal ${id}`, deal, version, {
        shape: dealFieldsShape,
        current: pickCurrent(deal, changes),
        yours: changes,
      });
    }
    context.remember({ type: "deal", id: deal.id, label: deal.name });
    return { deal: presentDeal(deal, now) };
  },
});
