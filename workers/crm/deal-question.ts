import { z } from "zod";
import { ToolError } from "../../shared/call/tool-error.ts";
import { subtractDays } from "./days.ts";
import { amountField, dayField, idField, lineField, regionField, stageField } from "./fields.ts";
import { toCents } from "./money.ts";
import { matchAllWords } from "./search/query.ts";
import { requireWords } from "./search/search-fields.ts";
import { isClosed } from "./stages.ts";
import { DEAL_COLUMNS, type DealFilter, type DealPosition } from "./store/deal-filter.ts";

/** Filters for deals, in addition to their owner. */
export const dealQuestion = {
  query: lineField(200).optional().describe("Words of the deal's or company's name"),
  min_amount: amountField.optional().describe("At least, inclusive"),
  max_amount: amountField.optional().describe("At most, inclusive"),
  stage: z.array(stageField).min(1).max(6).optional().describe("Only these"),
  region: regionField.optional(),
  company_id: idField("cmp").optional(),
  untouched_for_days: z.number().int().min(0).max(3650).optional().describe("Days without activity"),
  closing_after: dayField.optional().describe("First day, inclusive: closed on, or expected"),
  closing_before: dayField.optional().describe("Last day, inclusive"),
  created_after: dayField.optional().describe("First day, inclusive"),
  created_before: dayField.optional().describe("Last day, inclusive"),
};

/** Position in a list of deals. */
export const dealPosition: z.ZodType<DealPosition> = z.object({
  key: z.union([z.string().max(40), z.number().int()]),
  seq: z.number().int().min(0),
});

const question = z.object(dealQuestion);

/**
 * The filter that a caller's words mean. Open deals only, unless `openOnly` says otherwise or a closed stage is named.
 * Throws `invalid_input` for bounds that leave nothing between them.
 */
export function toDealFilter(
  input: z.output<typeof question>,
  ownerId: string | undefined,
  now: Date,
  openOnly?: boolean,
): DealFilter {
  const { min_amount: min, max_amount: max, untouched_for_days: days } = input;
  if (min !== undefined && max !== undefined && min > max) {
    throw new ToolError("invalid_input", "min_amount is greater than max_amount.");
  }
  requireOrder(input, "closing_after", "closing_before");
  requireOrder(input, "created_after", "created_before");
  requireWords(input.query);
  return {
    openOnly: openOnly ?? !input.stage?.some(isClosed),
    minCents: min === undefined ? undefined : toCents(min),
    maxCents: max === undefined ? undefined : toCents(max),
    stages: input.stage,
    ownerId,
    companyId: input.company_id,
    region: input.region?.toLowerCase() === "any" ? undefined : input.region,
    untouchedSince: days === undefined ? undefined : subtractDays(now, days),
    closingFrom: input.closing_after,
    closingTo: input.closing_before,
    createdFrom: input.created_after,
    createdTo: input.created_before,
    match: input.query === undefined ? undefined : matchAllWords(input.query, DEAL_COLUMNS),
  };
}

function requireOrder(
  input: z.output<typeof question>,
  from: "closing_after" | "created_after",
  to: "closing_before" | "created_before",
): void {
  const [first, last] = [input[from], input[to]];
  if (first !== undefined && last !== undefined && first > last) {
    throw new ToolError("invalid_input", `${from} is later than ${to}.`);
  }
}
