import type { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { isId } from "../identifiers.ts";
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
    const result = schema.safeParse(readFields(kind, cells, mapping, table.decimalComma));
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
  const missing: Record<ImportKind, string | false> = {
    contact: !has("name") && !(has("first_name") && has("last_name")) && "first_name and last_name, or name",
    company: !has("name") && "name",
    deal:
      !(has("name") && has("amount") && has("expected_close") && (has("company") || has("company_id"))) &&
      "name, company, amount and expected_close",
  };
  const needed = missing[kind];
  if (needed === false) return;
  throw new ToolError("invalid_input", `No columns were recognised as ${needed}.`, {
    suggestedAction: 'Name the fields of the columns, such as columns {"Kunde": "name"}.',
  });
}

function readFields(
  kind: ImportKind,
  cells: readonly string[],
  mapping: ColumnMapping,
  decimalComma: boolean,
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
  for (const [of, kindOfId] of [
    ["company", "cmp"],
    ["contact", "con"],
  ] as const) {
    const id = fields[`${of}_id`];
    // Another system's id says nothing here, and the name beside it may.
    if (id !== undefined && (isId(kindOfId, id) || fields[of] === undefined)) fields[of] = id;
  }
  if (fields.amount !== undefined) fields.amount = readAmount(fields.amount, decimalComma);
  return fields;
}

/**
 * An amount as people and spreadsheets write it, as a plain number; what cannot be read for sure stays as it is. A
 * separator before the last three digits is one of thousands, if the file's kind of spreadsheet writes it so.
 */
function readAmount(cell: string, decimalComma: boolean): string {
  const text = cell.replace(/^(?:US)?\$|USD|\$$/gi, "").replace(/[\s'’]/g, "");
  if (!/^\d[\d.,]*$/.test(text)) return text;
  const marks = text.replace(/\d/g, "");
  const last = marks.at(-1);
  if (last === undefined) return text;
  const other = last === "," ? "." : ",";
  const [, tail = ""] = new RegExp(`\\${last}(\\d*)$`).exec(text) ?? [];
  const plain = (thousands: string, decimal: string) => text.replaceAll(thousands, "").replace(decimal, ".");
  const grouped = (mark: string) => new RegExp(`^\\d{1,3}(\\${mark}\\d{3})+$`).test(text);
  if (marks.includes(other)) return marks.split(last).length === 2 ? plain(other, last) : cell;
  if (marks.length > 1) return grouped(last) ? plain(last, ".") : cell;
  if (tail.length !== 3) return plain(other, last);
  const thousands = decimalComma ? "." : ",";
  return last === thousands && grouped(last) ? plain(last, ".") : cell;
}
