import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { dealShape, presentDeal } from "../answers.ts";
import { readPeriod, subtractDays } from "../days.ts";
import { lineField, ownerField } from "../fields.ts";
import {
  RESULT_DAYS,
  STALE_DAYS,
  shareByMonth,
  shareByOwner,
  sharePeriod,
  summarizePipeline,
} from "../pipeline.ts";
import { resolveOwner } from "../resolve.ts";
import { STAGES } from "../stages.ts";
import type { CrmStore } from "../store.ts";

const SHOWN = 5;
const OWNERS = 10;

const share = { deals: z.number(), amount: z.number(), forecast: z.number() };

const period = {
  deals: z.number(),
  amount: z.number(),
  weighted: z.number(),
  won: z.number(),
  won_amount: z.number(),
  forecast: z.number().describe("won_amount + weighted"),
};

/** Shows the pipeline's figures, and the deals that need attention. */
export const getPipeline = defineTool({
  name: "crm_get_pipeline",
  title: "Pipeline and forecast",
  effect: "read",
  scope: "crm:read",
  description:
    "Adds up the pipeline: open deals and weighted forecast by stage, month and owner, stale and late deals, win rate and cycle time. The deals behind it: crm_list_deals.",
  input: z.object({
    owner: ownerField.optional(),
    days: z
      .number()
      .int()
      .min(1)
      .max(730)
      .default(RESULT_DAYS)
      .describe("Days back for win rate and cycle time"),
    period: lineField(20).optional().describe('Adds one: "2026-Q4", "2026-11", "this_quarter", "next_month"'),
  }),
  inherits: ["owner"],
  output: z.object({
    owner: z.string().nullable().describe("null: everyone"),
    currency: z.string(),
    open_deals: z.number(),
    open_amount: z.number(),
    forecast: z.number().describe("Amounts weighed by each stage's chance to win"),
    stages: z.array(
      z.object({
        stage: z.enum(STAGES),
        ...share,
        stale_deals: z.number(),
        stale_amount: z.number(),
        late_deals: z.number(),
        days_in_stage: z.number().nullable(),
      }),
    ),
    months: z
      .array(z.object({ month: z.string().describe("Or overdue, later"), ...period }))
      .describe("All open deals by expected close"),
    period: z.object({ name: z.string(), from: z.string(), to: z.string(), ...period }).optional(),
    owners: z.array(z.object({ owner: z.string().nullable(), ...share })),
    results: z.object({
      days: z.number(),
      won: z.number(),
      won_amount: z.number(),
      lost: z.number(),
      lost_amount: z.number(),
      win_rate: z.number().nullable().describe("Won of closed, 0 to 1"),
      cycle_days: z.number().nullable(),
    }),
    longest_untouched: z.array(dealShape.pick({ id: true, name: true, amount: true, days_untouched: true })),
  }),
  async run({ owner: name, days, period: asked }, { store, principal, now }: ToolContext<CrmStore>) {
    const span = asked === undefined ? undefined : readPeriod(asked, now);
    if (asked !== undefined && span === undefined) {
      throw new ToolError("invalid_input", "This is no month or quarter.", {
        suggestedAction: 'Write "2026-Q4", "2026-11", "this_quarter" or "next_month".',
      });
    }
    const owner = await resolveOwner(store, principal, name);
    const stale = { openOnly: true, ownerId: owner?.id, untouchedSince: subtractDays(now, STALE_DAYS) };
    const [pipeline, months, owners, untouched, brought] = await Promise.all([
      summarizePipeline(store, owner, now, days),
      shareByMonth(store, owner, now),
      owner ? [] : shareByOwner(store, OWNERS),
      store.deals.listPage(stale, "untouched", SHOWN, undefined),
      span && sharePeriod(store, owner, span),
    ]);
    const { as_of: _now, ...figures } = pipeline;
    return {
      ...figures,
      months,
      ...(span && brought && { period: { ...span, ...brought } }),
      owners,
      longest_untouched: untouched.rows.map((row) => {
        const { id, name, amount, days_untouched } = presentDeal(row, now);
        return { id, name, amount, days_untouched };
      }),
    };
  },
});
