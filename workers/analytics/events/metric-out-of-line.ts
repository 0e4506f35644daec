import { z } from "zod";
import { defineEvent, type EventContext } from "../../../shared/server/define-event.ts";
import { addDays, toDay } from "../days.ts";
import { metricField, selectionFields } from "../fields.ts";
import { factOf } from "../metrics.ts";
import { parsePeriod } from "../periods.ts";
import { QueryResolver } from "../query-resolver.ts";
import { groupFindings } from "../series/incidents.ts";
import { lookEverywhere, readLooks } from "../series/survey.ts";
import type { AnalyticsStore } from "../store.ts";

/** Robust standard deviations beyond which a day is out of line; as in analytics_detect_anomalies. */
const LIMIT = 3.5;

/** Days after which a look that is late leaves the older ones out. */
const MOST_DAYS = 7;

/** A day on which a metric was out of line with its trend and season. */
export const metricOutOfLine = defineEvent({
  name: "analytics_metric_out_of_line",
  title: "Metric out of line",
  description:
    "On a finished day, a metric left its usual range, in the whole or inside a region, channel, product …. Then ask analytics_compare for the cause.",
  scope: "analytics:read",
  input: z.object({ metric: metricField, ...selectionFields }),
  payload: z.object({
    metric: z.string(),
    day: z.string(),
    dimension: z.string().nullable(),
    member: z.string().nullable(),
    value: z.number().describe("Of the whole run of days"),
    expected: z.number(),
    low: z.number(),
    high: z.number(),
    score: z.number().describe("Robust standard deviations"),
  }),
  // A finished day is looked at once; until then a look costs nothing.
  everyMs: 60 * 60_000,
  async read({ arguments: input, after, limit }, { store, now }: EventContext<AnalyticsStore>) {
    const question = new QueryResolver(store);
    const metric = question.metric(input.metric);
    const fact = factOf(metric);
    const filters = await question.filters(fact, input, input.filters);
    const yesterday = addDays(toDay(now), -1);
    if (after === null || after >= yesterday)
      return { events: [], position: after ?? yesterday, more: false };
    const from = [after, addDays(yesterday, -MOST_DAYS)].sort().at(-1) ?? after;
    const period = parsePeriod("last_90_days", now);
    const looks = await readLooks({ store, metric, grain: "day", period, filters, by: undefined, now });
    const { findings } = lookEverywhere(looks, metric, "day", LIMIT, period);
    const incidents = groupFindings(findings).flatMap((incident) => {
      const day = incident.buckets.at(-1) ?? "";
      return day > from && day <= yesterday ? [{ ...incident, day }] : [];
    });
    const shown = incidents.sort((one, other) => (one.day < other.day ? -1 : 1)).slice(0, limit);
    return {
      events: shown.map(({ day, metric: name, dimension, member, value, expected, low, high, score }) => ({
        id: [day, name, dimension ?? "", member ?? "", JSON.stringify(input)].join(" "),
        at: `${addDays(day, 1)}T00:00:00.000Z`,
        position: addDays(day, -1) > after ? addDays(day, -1) : after,
        data: {
          ...{ metric: name, day, dimension: dimension ?? null, member: member ?? null },
          ...{ value, expected, low, high, score },
        },
      })),
      position: yesterday,
      more: false,
      truncated: from !== after,
    };
  },
});
