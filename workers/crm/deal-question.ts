import { z } from "zod";
import { ToolError } from "../../shared/call/tool-error.ts";
import { subtractDays } from "./days.ts";
import { amountField, dayField, idField, regionField, stageField } from "./fields.ts";
import { toCents } from "./money.ts";
import { isClosed } from "./stages.ts";
import type { DealFilter, DealPosition } from "./store/deal-filter.ts";

/** Filters for deals, in addition to their owner. */
export const dealQuestion = {
  min_amount: amountField.optional().describe("At least"),
  max_amount: amountField.optional().describe("At most"),
  stage: z.array(stageField).min(1).max(6).optional().describe("Only these"),
  region: regionField.optional(),
  company_id: idField("cmp").optional(),
  untouched_for_days: z.number().int().min(0).max(3650).optional().describe("Days without activity"),
  closing_before: dayField.optional(),
  closing_after: dayField.optional(),
};

/** Position in a list of deals. */
export const dealPosition: z.ZodType<DealPosition> = z.object({
  key: z.union([z.string().max(40), z.number().int()]),
  seq: z.number().int().min(0),
});

const question = z.object(dealQuestion);

/**
 * Converts a caller's filters. Open deals only, unless `openOnly` is false or a closed stage is named. Throws
 * `invalid_input` for an empty range of amounts.
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
  return {
    openOnly: openOnly ?? !input.stage?.some(isClosed),
    minCents: min === undefined ? undefined : toCents(min),
    maxCents: max === undefined ? undefined : toCents(max),
    stages: input.stage,
    ownerId,
    companyId: input.company_id,
    region: input.region?.toLowerCase() === "any" ? undefined : input.region,
    untouchedSince: days === undefined ? undefined : subtractDays(now, days),
    closingBefore: input.closing_before,
    closingAfter: input.closing_after,
  };
}
