import { z } from "zod";
import type { PromptMessage } from "../../shared/call/content.ts";
import { type CallContext, definePrompt } from "../../shared/server/define.ts";
import type { DimensionName } from "./dimensions.ts";
import { customerFields, metricField, periodField } from "./fields.ts";
import { foldName } from "./names.ts";
import { PERIOD_WORDS } from "./periods.ts";
import { QueryResolver } from "./query-resolver.ts";
import { METRICS } from "./semantic-layer.ts";
import type { AnalyticsStore } from "./store.ts";

/** Dimensions to search for the cause of a change, most informative first. */
const SUSPECTS = ["region", "channel", "category", "segment", "campaign"] as const satisfies DimensionName[];

/** The weekly business review. */
export const reviewWeek = definePrompt({
  name: "analytics_review_week",
  title: "Weekly business review",
  description: "Last week against the week before: the figures, what moved them, and what to look into.",
  scope: "analytics:read",
  arguments: z.object(customerFields),
  complete: { region: completeMember("region"), segment: completeMember("segment") },
  async run({ region, segment }, { store }: CallContext<AnalyticsStore>) {
    const filters = await new QueryResolver(store).filters("commerce", { region, segment });
    const named = filters.map(({ dimension, members }) => `${dimension} "${members[0]}"`);
    const scope = named.length > 0 ? ` for ${named.join(" and ")}` : "";
    const pass = named.length > 0 ? ` Pass ${named.join(" and ")} to every call.` : "";
    return say(
      `Write the weekly business review${scope}.${pass}`,
      "1. analytics_regional_metrics, period last_week, metrics revenue, orders, conversion_rate, average_order_value, new_customers, refund_rate.",
      "2. analytics_compare, metric revenue, period last_week, once by channel and once by category.",
      "3. analytics_query, metrics revenue and orders, period last_90_days, grain week: say whether last week is in line with its trend.",
      "Then write at most one page: three sentences of summary; a table of the figures with change against the week before;",
      "what drove the change, with amounts; what is out of line; what to look into, each with an owner from analytics_list_metrics.",
      "Weeks begin on Monday, UTC. Give amounts with their unit and never a figure that no call returned.",
    );
  },
});

/** Explains the change of a metric. */
export const explainChange = definePrompt({
  name: "analytics_explain_change",
  title: "Explain a change",
  description: "Finds what moved a metric, dimension by dimension, and says how sure that is.",
  scope: "analytics:read",
  arguments: z.object({
    metric: metricField,
    period: periodField.optional(),
  }),
  complete: {
    metric: (value) =>
      completeFrom(
        METRICS.map(({ name }) => name),
        value,
      ),
    period: (value) => completeFrom(PERIOD_WORDS, value),
  },
  async run({ metric: name, period = "last_30_days" }, { store }: CallContext<AnalyticsStore>) {
    const metric = new QueryResolver(store).metric(name);
    return say(
      `Explain the change of ${metric.title} (${metric.name}: ${metric.formula}) in the period ${period}.`,
      `1. analytics_compare with metric ${metric.name} and period ${period}, once by each of: ${SUSPECTS.join(", ")}.`,
      "2. Take the member with the largest contribution, set it as a filter, and compare again by the next dimension, until one cause remains.",
      `3. analytics_query with metrics ${metric.name}, the same filters and grain day: find the day when it began.`,
      `4. analytics_compare with against previous_year: tell a season from a change.`,
      "Then write: what changed and by how much, the cause with its contribution, since when, what speaks against it, and what to do.",
      "Contributions of one dimension add up to the change; never add up those of different dimensions.",
    );
  },
});

function completeMember(dimension: string) {
  return async (value: string, { store }: CallContext<AnalyticsStore>) =>
    completeFrom(await store.listMembers(dimension), value);
}

function completeFrom(candidates: readonly string[], value: string): string[] {
  const wanted = foldName(value);
  return candidates.filter((candidate) => foldName(candidate).includes(wanted)).slice(0, 100);
}

function say(...lines: string[]): PromptMessage[] {
  return [{ role: "user", content: { type: "text", text: lines.join("\n") } }];
}
