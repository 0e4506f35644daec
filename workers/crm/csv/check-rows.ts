import type { z } from "zod";
import { ToolError } from "../../../shared/mcp/errors.ts";
import type { ColumnMapping, ImportKind } from "./columns.ts";
import type { CsvTable } from "./format.ts";

/** What is wrong with a row, and in which column of the file. */
export interface Problem {
  row: number;
  column: string | null;
  problem: string;
}

/** The rows of a file that hold together by themselves. */
export interface CheckedRows<Values> {
  rows: { row: number; values: Values }[];
  problems: Problem[];
}

/** Reads every row by the mapping and checks its cells. A row with a problem is not among the rows. */
export function checkRows<Values>(
  kind: ImportKind,
  schema: z.ZodType<Values>,
  table: CsvTable,
  mapping: ColumnMapping,
): CheckedRows<Values> {
  requireColumns(kind, mapping);
  const broken = new Map(table.broken.map(({ row, problem }) => [row, problem]));
  const headerOf = (field: string) => table.headers[mapping.indexOf(field)] ?? null;
  const rows: CheckedRows<Values>["rows"] = [];
  const problems: Problem[] = [];
  for (const { row, cells } of table.rows) {
    const fault =
      broken.get(row) ?? (cells.length > table.headers.length ? "More cells than columns." : undefined);
    if (fault !== undefined) {
      problems.push({ row, column: null, problem: fault });
      continue;
    }
    const result = schema.safeParse(readFields(kind, cells, mapping));
    if (result.success) rows.push({ row, values: result.data });
    else {
      for (const { path, message, code } of result.error.issues) {
        const field = String(path[0] ?? "");
        const missing = code === "invalid_type";
        problems.push({
          row,
          column: headerOf(field) ?? headerOf("name") ?? field,
          problem: missing ? `${field} is missing.` : message,
        });
      }
    }
  }
  return { rows, problems };
}

function requireColumns(kind: ImportKind, mapping: ColumnMapping): void {
  const has = (field: string) => mapping.includes(field);
  if (kind === "company" ? has("name") : has("name") || (has("first_name") && has("last_name"))) return;
  const needed = kind === "company" ? "name" : "first_name and last_name, or name";
  throw new ToolError("invalid_input", `No column was recognised as ${needed}.`, {
    suggestedAction: 'Name the fields of the columns, such as columns {"Kunde": "name"}.',
  });
}

function readFields(
  kind: ImportKind,
  cells: readonly string[],
  mapping: ColumnMapping,
): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [index, field] of mapping.entries()) {
    const cell = cells[index];
    if (field !== null && cell !== undefined && cell !== "") fields[field] = cell;
  }
  if (kind === "contact" && fields.name !== undefined) {
    // The last word is the family name; a person can say otherwise with two columns.
    const [, first, last] = /^(.+)\s+(\S+)$/.exec(fields.name) ?? [];
    if (first !== undefined && last !== undefined) {
      fields.first_name ??= first;
      fields.last_name ??= last;
    }
  }
  return fields;
}
