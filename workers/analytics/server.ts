import { z } from "zod";
import { defineServer } from "../../shared/server/define.ts";
import { chartView } from "./charts/view.ts";
import { metricOutOfLine } from "./events/metric-out-of-line.ts";
import { customerFields, grainField, periodField } from "./fields.ts";
import { explainChange, reviewWeek } from "./prompts.ts";
import { metricsResource, schemaResource } from "./resources.ts";
import { type AnalyticsStore, openAnalyticsStore } from "./store.ts";
import { analyzeFunnel } from "./tools/analyze-funnel.ts";
import { comparePeriods } from "./tools/compare-periods.ts";
import { detectAnomalies } from "./tools/detect-anomalies.ts";
import { forecastMetric } from "./tools/forecast-metric.ts";
import { listMetrics } from "./tools/list-metrics.ts";
import { listRegionalMetrics } from "./tools/list-regional-metrics.ts";
import { measureRetention } from "./tools/measure-retention.ts";
import { queryMetrics } from "./tools/query-metrics.ts";
import { runSql } from "./tools/run-sql.ts";
import { trackEvents } from "./tools/track-events.ts";

/** Analytics: one catalogue of metrics over the shop's events, and public data around them. */
export const analytics = defineServer<AnalyticsStore>({
  name: "analytics",
  title: "Analytics",
  description: "Business figures: revenue, orders, customers and more, by region, channel and time.",
  instructions: [
    "Start with analytics_regional_metrics for an overview and analytics_query for anything specific.",
    "For why a figure moved: analytics_compare, one dimension a call. Contributions add up to the change.",
    "Metric names may be synonyms (sales, aov); notes in the answer say how a name was read.",
    "Out of line? analytics_detect_anomalies. What comes? analytics_forecast. Where people are lost, who returns: analytics_funnel, analytics_retention.",
    "analytics_sql is for what no metric answers; read analytics://schema/{table} first.",
    "Days are UTC. Amounts are US dollars in answers, integer cents in tables.",
    "context_set keeps region, segment, period and grain for the calls that follow.",
  ].join("\n"),
  scopes: {
    "analytics:read": "See business figures and run read-only queries on them",
    "analytics:write": "Add events that the figures are made from",
  },
  baseline: "analytics:read",
  reads: ["private"],
  defaults: z.object({
    ...customerFields,
    period: periodField.optional(),
    grain: grainField.optional(),
  }),
  glyph: "M4 28h24M8 23v-6M16 23V9M24 23V13",
  databases: ["ANALYTICS_DB"],
  store: (env) => openAnalyticsStore(env.ANALYTICS_DB),
  tools: [
    listRegionalMetrics,
    queryMetrics,
    comparePeriods,
    detectAnomalies,
    forecastMetric,
    analyzeFunnel,
    measureRetention,
    listMetrics,
    runSql,
    trackEvents,
  ],
  resources: [metricsResource, schemaResource, chartView],
  prompts: [reviewWeek, explainChange],
  events: [metricOutOfLine],
});
