import type { ResourceContents } from "../../shared/call/content.ts";
import { ToolError } from "../../shared/call/tool-error.ts";
import { defineResource } from "../../shared/server/define.ts";
import { DIMENSIONS } from "./dimensions.ts";
import { FACTS } from "./facts.ts";
import { factOf } from "./metrics.ts";
import { findTable, OFFERED_TABLES, type OfferedTable } from "./schema.ts";
import { METRICS } from "./semantic-layer.ts";
import type { AnalyticsStore } from "./store.ts";

const JSON_TYPE = "application/json";

/** The semantic catalogue as one document. */
export const metricsResource = defineResource<AnalyticsStore>({
  name: "analytics_metrics",
  title: "Metric catalogue",
  description:
    "Every metric with its definition, unit, owner and synonyms, the dimensions, and where public data comes from.",
  uri: "analytics://metrics",
  mimeType: JSON_TYPE,
  scope: "analytics:read",
  async read({ uri }, { store }) {
    const metrics = METRICS.map((metric) => {
      const { numerator: _numerator, denominator: _denominator, ...shown } = metric;
      return { ...shown, data: factOf(metric) };
    });
    const dimensions = Object.entries(DIMENSIONS).map(([name, entry]) => ({ name, ...entry }));
    const data = Object.values(FACTS).map(({ name, dimensions: cuts, grains }) => ({
      name,
      dimensions: cuts,
      grains,
    }));
    return [toJson(uri, { metrics, dimensions, data, sources: await store.listSources() })];
  },
});

/** Tables for `analytics_sql`: `analytics://schema/{table}`. */
export const schemaResource = defineResource<AnalyticsStore>({
  name: "analytics_schema",
  title: "Table",
  description: "Columns of a table that analytics_sql reads, with types, meaning, source and licence.",
  uriTemplate: "analytics://schema/{table}",
  mimeType: JSON_TYPE,
  scope: "analytics:read",
  async list() {
    return OFFERED_TABLES.map(({ name, title, description }) => ({
      uri: `analytics://schema/${name}`,
      name,
      title,
      description,
      mimeType: JSON_TYPE,
    }));
  },
  complete: {
    table: (value) =>
      OFFERED_TABLES.map(({ name }) => name).filter((name) => name.startsWith(value.toLowerCase())),
  },
  async read({ uri, params }, { store }) {
    const table = findTable(params.table ?? "");
    if (!table) {
      throw new ToolError("not_found", `There is no table "${(params.table ?? "").slice(0, 60)}".`, {
        suggestedAction: `Read one of: ${OFFERED_TABLES.map(({ name }) => name).join(", ")}.`,
      });
    }
    return [toJson(uri, await describeTable(store, table))];
  },
});

async function describeTable(store: AnalyticsStore, table: OfferedTable) {
  const [columns, sources] = await Promise.all([store.listColumns(table.name), store.listSources()]);
  const source = sources.find(({ table_name }) => table_name === table.name);
  return {
    table: table.name,
    title: table.title,
    description: table.description,
    columns: columns.map(({ name, type }) => ({ name, type, meaning: table.columns[name] ?? "" })),
    ...(source && { source }),
  };
}

function toJson(uri: string, value: unknown): ResourceContents {
  return { uri, mimeType: JSON_TYPE, text: JSON.stringify(value) };
}
