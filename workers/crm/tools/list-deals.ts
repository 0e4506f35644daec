import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/mcp/define.ts";
import { ToolError } from "../../../shared/mcp/errors.ts";
import { dealShape, presentDeal } from "../answers.ts";
import { decodeCursor, encodeCursor } from "../cursor.ts";
import { subtractDays } from "../days.ts";
import {
  amountField,
  cursorField,
  dayField,
  idField,
  limitField,
  ownerField,
  regionField,
  stageField,
} from "../fields.ts";
import { CURRENCY, fromCents, toCents } from "../money.ts";
import { resolveOwner } from "../resolve.ts";
import { isClosed } from "../stages.ts";
import type { DealFilter, DealPosition } from "../store/deal-filter.ts";
import type { CrmStore } from "../store.ts";

const position: z.ZodType<DealPosition> = z.object({
  key: z.union([z.string().max(40), z.number().int()]),
  seq: z.number().int().min(0),
});

/** Deals by plain filters, with totals over all that match. */
export const listDeals = defineTool({
  name: "crm_list_deals",
  title: "List deals",
  effect: "read",
  scope: "crm:read",
  description: `Lists deals by amount (${CURRENCY}), stage, owner, region, company, closing day and days without any activity, with totals over all that match. Example: min_amount 100000 with untouched_for_days 30 gives large deals that go cold.`,
  input: z.object({
    min_amount: amountField.optional().describe("At least this amount"),
    max_amount: amountField.optional().describe("At most this amount"),
    stage: z.array(stageField).min(1).max(6).optional().describe("Only these stages"),
    owner: ownerField.optional(),
    region: regionField.optional(),
    company_id: idField("cmp").optional(),
    untouched_for_days: z.number().int().min(0).max(3650).optional().describe("No activity for so many days"),
    closing_before: dayField.optional().describe("Expected to close before this day"),
    closing_after: dayField.optional().describe("Expected to close after this day"),
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
  async run(input, { store, principal, context, now }: ToolContext<CrmStore>) {
    const { min_amount: min, max_amount: max } = input;
    if (min !== undefined && max !== undefined && min > max) {
      throw new ToolError("invalid_input", "min_amount is greater than max_amount.");
    }
    const owner = await resolveOwner(store, principal, input.owner);
    const filter: DealFilter = {
      openOnly: input.open_only ?? !input.stage?.some(isClosed),
      minCents: min === undefined ? undefined : toCents(min),
      maxCents: max === undefined ? undefined : toCents(max),
      stages: input.stage,
      ownerId: owner?.id,
      companyId: input.company_id,
      region: input.region?.toLowerCase() === "any" ? undefined : input.region,
      untouchedSince:
        input.untouched_for_days === undefined ? undefined : subtractDays(now, input.untouched_for_days),
      closingBefore: input.closing_before,
      closingAfter: input.closing_after,
    };
    // The cut-off moves with the clock; a cursor stays good for the days that were asked for.
    const { untouchedSince: _moving, ...fixed } = filter;
    const question = JSON.stringify(["deals", input.sort, input.untouched_for_days ?? null, fixed]);
    const after = input.cursor === undefined ? undefined : decodeCursor(input.cursor, question, position);
    const page = await store.deals.list(filter, input.sort, input.limit, after);
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
      ...(page.next && { next_cursor: encodeCursor({ ...page.next }, question) }),
    };
  },
});
