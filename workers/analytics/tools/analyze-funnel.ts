import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { percentOf } from "../amounts.ts";
import { DEFAULT_PERIOD, describeNothing, listNotes, withNotes } from "../answer.ts";
import { drawPicture } from "../charts/draw-picture.ts";
import { chartView } from "../charts/view.ts";
import { addDays, toDay } from "../days.ts";
import { EVENT_KINDS } from "../facts.ts";
import {
  chartField,
  countField,
  dimensionField,
  notesShape,
  periodField,
  periodShape,
  rowsShape,
  selectionFields,
} from "../fields.ts";
import { describeRunning, formatPeriod, parsePeriod } from "../periods.ts";
import { QueryResolver } from "../query-resolver.ts";
import { type FunnelRow, MAX_FUNNEL_EVENTS } from "../store/funnel.ts";
import type { AnalyticsStore } from "../store.ts";

const STEPS = ["visit", "cart", "checkout", "order"] as const;

/** Finds the steps at which customers are lost. */
export const analyzeFunnel = defineTool({
  name: "analytics_funnel",
  title: "Funnel",
  effect: "read",
  costly: true,
  scope: "analytics:read",
  view: chartView,
  description:
    "Counts the people who went from visit to cart, checkout and order, in this order, and where the others were lost.",
  input: z.object({
    period: periodField.optional().describe("When people begin, as in analytics_query; default last_30_days"),
    steps: z
      .array(z.enum(EVENT_KINDS))
      .min(2)
      .max(5)
      .optional()
      .describe("Default visit, cart, checkout, order"),
    within_days: countField(90).default(7).describe("From first to last step"),
    by: dimensionField.optional().describe("Compares members; all steps in the same one"),
    ...selectionFields,
    limit: countField(50).default(10).describe("Members shown with by"),
    chart: chartField,
  }),
  inherits: ["region", "segment", "period"],
  output: z.object({
    period: periodShape,
    columns: z.array(z.string()),
    rows: rowsShape,
    biggest_loss: z.string().optional(),
    method: z.string(),
    notes: notesShape,
  }),
  overflow: "rows",
  content: drawPicture,
  timeoutMs: 60_000,
  async run(input, { store, now, signal }: ToolContext<AnalyticsStore>) {
    const question = new QueryResolver(store);
    const steps = input.steps ?? STEPS;
    if (new Set(steps).size < steps.length)
      throw new ToolError("invalid_input", "A step comes twice; name each once.");
    const period = parsePeriod(input.period ?? DEFAULT_PERIOD, now);
    question.notes.push(...listNotes(describeRunning(period, now)));
    const filters = await question.filters("commerce", input, input.filters);
    const [by] = question.dimensions(input.by ? [input.by] : [], "commerce");
    if (by === "customer")
      throw new ToolError("invalid_input", "A funnel counts customers; cut it by another dimension.");
    const events = await store.countEvents(steps, period.from, addDays(period.to, input.within_days));
    if (events > MAX_FUNNEL_EVENTS) {
      throw new ToolError(
        "result_too_large",
        `The period has ${events.toLocaleString("en")} events of these kinds.`,
        {
          suggestedAction: `Use a shorter period; at most ${MAX_FUNNEL_EVENTS.toLocaleString("en")} can be followed at once.`,
        },
      );
    }
    const found = await store.countFunnel({
      signal,
      steps,
      from: period.from,
      to: period.to,
      days: input.within_days,
      filters,
      by,
    });
    if (found.length === 0) question.notes.push(await describeNothing(store, "commerce", period, filters));
    if (addDays(period.to, input.within_days) > toDay(now)) {
      question.notes.push("Who began in the last days still has time for the later steps.");
    }
    if (by && found.length > input.limit)
      question.notes.push(`${found.length - input.limit} smaller members are not shown.`);
    const shown = by ? found.slice(0, input.limit) : found;
    const loss = by ? undefined : describeLoss(steps, found[0]);
    return withNotes(
      {
        period: formatPeriod(period),
        columns: [...(by ? [by] : []), "step", "people", "percent_of_first", "percent_of_previous"],
        rows: shown.flatMap((row) => listSteps(row, steps, by !== undefined)),
        ...(loss && { biggest_loss: loss }),
        method:
          `Different people; each step at or after the one before, all within ${input.within_days} days of a first step in the ` +
          `period${by ? `, with the same ${by}` : ""}.`,
      },
      question.notes,
    );
  },
});

function listSteps({ member, people }: FunnelRow, steps: readonly string[], isCut: boolean) {
  const [first = 0] = people;
  return steps.map((step, index) => [
    ...(isCut ? [member] : []),
    step,
    people[index] ?? 0,
    percentOf(people[index] ?? 0, first),
    index === 0 ? null : percentOf(people[index] ?? 0, people[index - 1] ?? 0),
  ]);
}

function describeLoss(steps: readonly string[], row: FunnelRow | undefined): string | undefined {
  if (!row) return undefined;
  const losses = steps.slice(1).map((step, index) => {
    const [before = 0, after = 0] = row.people.slice(index, index + 2);
    return {
      text: `${(before - after).toLocaleString("en")} people between ${steps[index]} and ${step}`,
      lost: before - after,
    };
  });
  return losses.sort((a, b) => b.lost - a.lost)[0]?.text;
}
