import { defineView } from "../../../shared/server/view.ts";
import type { AnalyticsStore } from "../store.ts";
import chart from "../view/chart.json" with { type: "json" };

/** The interactive chart of the analytics answers. */
export const chartView = defineView<AnalyticsStore>({
  name: "analytics_chart",
  title: "Chart",
  description: "Shows an analytics answer as an interactive chart with its table.",
  uri: "ui://analytics/chart",
  scope: "analytics:read",
  html: chart.html,
});
