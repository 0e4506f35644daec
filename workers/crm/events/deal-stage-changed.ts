import { z } from "zod";
import { defineEvent, type EventContext } from "../../../shared/server/define-event.ts";
import { ownerField, stageField } from "../fields.ts";
import { fromCents } from "../money.ts";
import { resolveOwner } from "../resolve.ts";
import { STAGES } from "../stages.ts";
import type { StageChange, StagePlace } from "../store/happenings.ts";
import type { CrmStore } from "../store.ts";

const place: z.ZodType<StagePlace> = z.object({ seq: z.int().min(0), at: z.string().max(40) });

const payload = z.object({
  deal_id: z.string(),
  deal: z.string(),
  company_id: z.string(),
  company: z.string(),
  contact: z.string().nullable().meta({ classification: "pii" }),
  owner: z.string().nullable(),
  from_stage: z.enum(STAGES).nullable().describe("Null for a new deal"),
  to_stage: z.enum(STAGES),
  amount: z.number(),
  changed_by: z.string(),
});

/** A deal is new or moved to another stage. */
export const dealStageChanged = defineEvent({
  name: "crm_deal_stage_changed",
  title: "Deal changed stage",
  description:
    "A deal was created or moved to another stage. Read it with crm_get_customer or crm_list_deals.",
  scope: "crm:read",
  input: z.object({
    stage: stageField.optional().describe("Only deals that enter this stage"),
    owner: ownerField.optional(),
  }),
  payload,
  async read({ arguments: input, after, limit }, { store, principal }: EventContext<CrmStore>) {
    const { happenings } = store;
    const owner = await resolveOwner(store, principal, input.owner);
    if (after === null)
      return { events: [], position: JSON.stringify(await happenings.newestStage()), more: false };
    const filter = { stage: input.stage ?? null, owner: owner?.email ?? null };
    const found = await happenings.stageChanges(place.parse(JSON.parse(after)), filter, limit);
    return {
      events: describe(found.rows, place.parse(JSON.parse(after))),
      position: JSON.stringify(found.place),
      more: found.rows.length === limit,
    };
  },
});

function describe(rows: readonly StageChange[], after: StagePlace) {
  let at = after.at;
  return rows.map((row) => {
    if (row.changedAt > at) at = row.changedAt;
    return {
      // Not its number: a deal that is restored after its deletion gets other numbers for the same changes.
      id: `${row.dealId}.${Date.parse(row.changedAt)}.${row.toStage}`,
      at: row.changedAt,
      position: JSON.stringify({ seq: row.seq, at }),
      data: {
        deal_id: row.dealId,
        deal: row.deal,
        company_id: row.companyId,
        company: row.company,
        contact: row.contact,
        owner: row.owner,
        from_stage: row.fromStage,
        to_stage: row.toStage,
        amount: fromCents(row.amountCents),
        changed_by: row.changedBy,
      },
    };
  });
}
