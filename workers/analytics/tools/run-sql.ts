import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { countField, notesShape, rowsShape } from "../fields.ts";
import { OFFERED_TABLES } from "../schema.ts";
import { MAX_SQL_LENGTH } from "../sql/tokens.ts";
import type { AnalyticsStore } from "../store.ts";

/** SQL for questions that no metric answers; proven to read before it runs. */
export const runSql = defineTool({
  name: "analytics_sql",
  title: "Read-only SQL",
  effect: "read",
  costly: true,
  scope: "analytics:read",
  description: `Runs one SELECT (SQLite dialect) when analytics_query cannot answer. Tables: ${OFFERED_TABLES.map(({ name }) => name).join(", ")}; columns are in the resources analytics://schema/{table}. Money is in integer cents, times are UTC text. Nothing can be changed.`,
  input: z.object({
    sql: z
      .string()
      .min(1)
      .max(MAX_SQL_LENGTH)
      .describe("One SELECT, WITH or VALUES statement; ? for each value in params"),
    params: z
      .array(z.union([z.string().max(10_000), z.number(), z.boolean(), z.null()]))
      .max(100)
      .default([])
      .describe("Values for ?, in order. Put text from outside here, never into sql"),
    limit: countField(1_000).default(100).describe("Rows at most"),
  }),
  output: z.object({
    columns: z.array(z.string()),
    rows: rowsShape,
    truncated: z.boolean().describe("True: there are more rows than limit"),
    notes: notesShape,
  }),
  overflow: "rows",
  timeoutMs: 25_000,
  async run({ sql, params, limit }, { store, signal }: ToolContext<AnalyticsStore>) {
    const { columns, rows, moreRows, cutTexts } = await store.query(sql, params, limit, signal);
    const notes = [
      ...(moreRows
        ? [`Only the first ${limit} rows are shown. Aggregate, filter, or raise limit (at most 1,000).`]
        : []),
      ...(cutTexts ? ['Long texts were cut and end in "…".'] : []),
    ];
    return { columns, rows, truncated: moreRows, ...(notes.length > 0 && { notes }) };
  },
});
