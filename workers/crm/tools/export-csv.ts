import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/mcp/define.ts";
import { decodeCursor, encodeCursor } from "../cursor.ts";
import { toCsv } from "../export.ts";
import { exportUri } from "../export-resource.ts";
import { cursorField } from "../fields.ts";
import { positionField, RECORDS, selectRecords, whereField } from "../selection.ts";
import type { CrmStore } from "../store.ts";

/** Records as CSV, a page at a time, or whole behind a link. */
export const exportCsv = defineTool({
  name: "crm_export_csv",
  title: "Export CSV",
  effect: "read",
  scope: "crm:read",
  description:
    "Exports contacts, companies or deals as CSV: a page here, everything under the linked resource. Formulas are defused and fields masked as your role sees them.",
  input: z.object({
    record: z.enum(RECORDS).describe("Kind"),
    where: whereField.default({}),
    limit: z.number().int().min(1).max(100).default(50).describe("Rows on a page"),
    cursor: cursorField.optional(),
  }),
  output: z.object({
    csv: z.string().meta({ classification: "public" }),
    rows: z.number(),
    all: z.string().describe("Resource with everything"),
    next_cursor: z.string().optional(),
  }),
  content: ({ all }) => [{ type: "resource_link", uri: all, name: "Whole export", mimeType: "text/csv" }],
  async run({ record, where, limit, cursor }, { store, principal, now }: ToolContext<CrmStore>) {
    const question = JSON.stringify(["export", record, where]);
    const after = cursor === undefined ? undefined : decodeCursor(cursor, question, positionField);
    const page = await selectRecords({ store, principal, now }, record, where, limit, after);
    return {
      csv: toCsv(record, page.rows, store.sees, now, after === undefined),
      rows: page.rows.length,
      all: exportUri(record, where),
      ...(page.next && { next_cursor: encodeCursor({ ...page.next }, question) }),
    };
  },
});
