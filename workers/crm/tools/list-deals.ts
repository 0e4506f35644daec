import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { dealShape, presentDeal } from "../answers.ts";
import { dealPosition, dealQuestion, toDealFilter } from "../deal-question.ts";
import { refuseNothing } from "../explain-nothing.ts";
import { cursorField, limitField, ownerField } from "../fields.ts";
import { CURRENCY, fromCents } from "../money.ts";
import { resolveOwner } from "../resolve.ts";
import type { CrmStore } from "../store.ts";

/** Lists deals by plain filters, with totals over all matches. */
export const listDeals = defineTool({
  name: "crm_list_deals",
  title: "List deals",
  effect: "read",
  scope: "crm:read",
  description: `Lists deals by amount (${CURRENCY}), words, stage, closing day, creation and days without any activity, with totals over all that match. Example: min_amount 100000 with untouched_for_days 30 gives large deals that go cold.`,
  input: z.object({
    owner: ownerField.optional(),
    ...dealQuestion,
    open_only: z.boolean().optional().describe("Default true, unless stage names a closed one"),
    sort: z
      .enum(["amount", "closing", "untouched"])
      .default("amount")
      .describe("Largest, soonest to close, or longest untouched first"),
    limit: limitField,
    cursor: cursorField.optional(),
  }),
  inherits: ["owner", "region", "stage"],
  output: z.object({
    deals: z.array(dealShape),
    totals: z.object({
      deals: z.number(),
      amount: z.number(),
      currency: z.string(),
      complete: z.boolean().describe("False: only the first 10,001 deals were added up"),
    }),
    next_cursor: z.string().optional(),
  }),
  overflow: "deals",
  async run(input, { store, principal, context, now, cursors }: ToolContext<CrmStore>) {
    const owner = await resolveOwner(store, principal, input.owner);
    const filter = toDealFilter(input, owner?.id, now, input.open_only);
    // The cut-off moves with the clock; a cursor stays valid for the requested number of days.
    const { untouchedSince: _moving, ...fixed } = filter;
    const question = JSON.stringify(["deals", input.sort, input.untouched_for_days ?? null, fixed]);
    const pages = cursors(question, dealPosition);
    const after = await pages.read(input.cursor);
    const page = await store.deals.list(filter, input.sort, input.limit, after);
    if (page.rows.length === 0 && after === undefined) {
      const known = ["query", "owner", "region", "stage", "company_id"];
      await refuseNothing(store, { kind: "deal", filters: input, prefix: "", known });
    }
    if (input.company_id !== undefined && page.rows[0]) {
      const { company_id: id, company_name: label } = page.rows[0];
      context.remember({ type: "company", id, label });
    }
    return {
      deals: page.rows.map((row) => presentDeal(row, now)),
      totals: {
        deals: page.totals.deals,
        amount: fromCents(page.totals.amount_cents),
        currency: CURRENCY,
        complete: page.totals.complete,
      },
      next_cursor: await pages.write(page.next),
    };
  },
});
