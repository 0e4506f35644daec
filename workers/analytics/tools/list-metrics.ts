import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { cutText } from "../../../shared/text/well-formed.ts";
import { withNotes } from "../answer.ts";
import { notesShape } from "../fields.ts";
import { dimensionsOf, grainsOf } from "../metrics.ts";
import { foldName } from "../names.ts";
import { METRICS, type Metric } from "../semantic-layer.ts";
import type { AnalyticsStore } from "../store.ts";

/** The catalogue of metrics, to look up what a figure means and what it is called. */
export const listMetrics = defineTool({
  name: "analytics_list_metrics",
  title: "List metrics",
  effect: "read",
  scope: "analytics:read",
  description:
    "Lists the metrics with unit and formula. Use it to find the right name before analytics_query; search takes words of the name, the meaning or a synonym.",
  input: z.object({
    search: z
      .string()
      .trim()
      .max(100)
      .optional()
      .describe('Words to look for, e.g. "basket" or "churn refund"'),
  }),
  output: z.object({
    metrics: z.array(
      z.object({
        name: z.string(),
        title: z.string(),
        unit: z.enum(["USD", "percent", "count"]),
        formula: z.string(),
        description: z.string(),
        good: z.enum(["up", "down"]),
        owner: z.string(),
        synonyms: z.array(z.string()),
        dimensions: z.array(z.string()).optional().describe("Left out: those in common"),
        grains: z.array(z.string()).optional().describe("Left out: those in common"),
      }),
    ),
    common: z.object({ dimensions: z.array(z.string()), grains: z.array(z.string()) }),
    total: z.number().int().describe("Metrics in the catalogue"),
    notes: notesShape,
  }),
  overflow: "metrics",
  async run({ search }, _context: ToolContext<AnalyticsStore>) {
    const found = searchMetrics(search ?? "");
    const notes =
      found.length > 0
        ? []
        : [`No metric has the words "${cutText(search ?? "", 60)}". Leave search out for all of them.`];
    const [common] = METRICS as readonly [Metric];
    return withNotes(
      {
        metrics: found.map((metric) => ({
          name: metric.name,
          title: metric.title,
          unit: metric.unit,
          formula: metric.formula,
          description: metric.description,
          good: metric.good,
          owner: metric.owner,
          synonyms: [...metric.synonyms],
          ...(dimensionsOf(metric) !== dimensionsOf(common) && {
            dimensions: [...dimensionsOf(metric)],
            grains: [...grainsOf(metric)],
          }),
        })),
        common: { dimensions: [...dimensionsOf(common)], grains: [...grainsOf(common)] },
        total: METRICS.length,
      },
      notes,
    );
  },
});

/** Metrics that have any of the words, those with more of them and in the name first; all without words. */
function searchMetrics(search: string): readonly Metric[] {
  const words = search
    .split(/[\s,]+/)
    .map(foldName)
    .filter(Boolean);
  if (words.length === 0) return METRICS;
  return METRICS.map((metric) => ({ metric, score: scoreMetric(metric, words) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
    .map(({ metric }) => metric);
}

function scoreMetric(metric: Metric, words: readonly string[]): number {
  const names = [metric.name, metric.title].map(foldName);
  const others = metric.synonyms.map(foldName);
  const text = foldName(`${metric.description} ${metric.formula} ${metric.owner}`);
  return words.reduce((score, word) => {
    if (names.some((name) => name.includes(word))) return score + 3;
    if (others.some((name) => name.includes(word))) return score + 2;
    return text.includes(word) ? score + 1 : score;
  }, 0);
}
