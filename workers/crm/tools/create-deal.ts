import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { dealShape, presentDeal } from "../answers.ts";
import { amountField, dayField, idempotencyField, idField, lineField, ownerField } from "../fields.ts";
import { makeId } from "../identifiers.ts";
import { CURRENCY, toCents } from "../money.ts";
import { nameSubjects } from "../name-subjects.ts";
import { resolveRecord } from "../record-owner.ts";
import { requireCompany, requireMade } from "../refusals.ts";
import { resolveOwner } from "../resolve.ts";
import { OPEN_STAGES } from "../stages.ts";
import { describeWrite } from "../store/idempotency.ts";
import { stampCall } from "../store/stamp.ts";
import type { CrmStore } from "../store.ts";

/** Adds a deal with the first step of its history. */
export const createDeal = defineTool({
  name: "crm_create_deal",
  title: "Create a deal",
  effect: "create",
  scope: "crm:write",
  description:
    "Adds an open deal to a company. Later: crm_update_deal for its fields, crm_move_deal for its stage.",
  input: z.object({
    name: lineField(200).describe('What is sold, such as "Acme: rollout phase 2"'),
    company_id: idField("cmp"),
    amount: amountField.describe(`Amount in ${CURRENCY}`),
    expected_close: dayField,
    stage: z.enum(OPEN_STAGES).default("lead").describe("Stage to start in"),
    contact_id: idField("con").optional(),
    owner: ownerField.optional().describe("Default: you, if you own customers, else the company's owner"),
    idempotency_key: idempotencyField.optional(),
  }),
  output: z.object({ deal: dealShape, replayed: z.boolean() }),
  nameSubjects,
  async check(input, { store, principal }: Pick<ToolContext<CrmStore>, "store" | "principal">) {
    const { company_id, contact_id } = input;
    await requireCompany(store, company_id);
    if (contact_id) await resolveRecord(store, { company_id, contact_id });
    await resolveOwner(store, principal, input.owner);
  },
  async run(input, { store, principal, context, now }: ToolContext<CrmStore>) {
    const { idempotency_key: key, owner: ownerName, ...given } = input;
    const company = await requireCompany(store, given.company_id);
    if (given.contact_id)
      await resolveRecord(store, { company_id: company.id, contact_id: given.contact_id });
    const owner =
      ownerName === undefined
        ? await store.owners.findByEmail(principal.email)
        : await resolveOwner(store, principal, ownerName);
    const made = await store.deals.create(
      makeId("deal"),
      {
        name: given.name,
        company_id: company.id,
        contact_id: given.contact_id ?? null,
        owner_id: owner?.id ?? company.owner_id,
        stage: given.stage,
        amount_cents: toCents(given.amount),
        expected_close_on: given.expected_close,
      },
      stampCall(principal, now),
      key === undefined
        ? undefined
        : describeWrite(principal.userId, key, "crm_create_deal", { ...given, owner: ownerName }),
    );
    const deal = requireMade(await store.deals.get(made.id), "deal");
    context.remember({ type: "company", id: deal.company_id, label: deal.company_name });
    context.remember({ type: "deal", id: deal.id, label: deal.name });
    return { deal: presentDeal(deal, now), replayed: made.replayed };
  },
});
