import type { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { isId } from "../identifiers.ts";
import type { ColumnMapping, ImportKind } from "./columns.ts";
import { BROKEN_TEXT, isMojibake } from "./find-mojibake.ts";
import type { CsvTable } from "./format.ts";
import { AMBIGUOUS_NUMBER, readNumber, readWholeNumber } from "./read-number.ts";
import { splitName } from "./split-name.ts";

/** Problem of a row, with the column of the file. */
export interface Problem {
  row: number;
  column: string | null;
  problem: string;
}

/** Valid rows of a file, before a comparison with stored records. */
export interface CheckedRows<Values> {
  rows: { row: number; values: Values }[];
  problems: Problem[];
}

/** Reads every row by the mapping and validates its cells. A row with a problem is not among the rows. */
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
    const unreadable = mapping.flatMap((field, index) =>
      field !== null && isMojibake(cells[index] ?? "") ? [table.headers[index] ?? null] : [],
    );
    if (unreadable.length > 0) {
      for (const column of unreadable) problems.push({ row, column, problem: BROKEN_TEXT });
      continue;
    }
    const { fields, refused } = readFields(kind, cells, mapping, table.decimalComma);
    const result = schema.safeParse(fields);
    if (result.success && refused === undefined) rows.push({ row, values: result.data });
    else if (refused !== undefined) {
      problems.push({ row, column: headerOf(refused.field), problem: refused.problem });
    } else {
      for (const { path, message, code } of result.error?.issues ?? []) {
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
    contact: !has("name") && !has("last_name") && "first_name and last_name, or name",
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

/** The cells of a row by field, or the problem of a cell that is invalid for every field. */
function readFields(
  kind: ImportKind,
  cells: readonly string[],
  mapping: ColumnMapping,
  decimalComma: boolean,
): { fields: Record<string, string>; refused?: { field: string; problem: string } } {
  const fields: Record<string, string> = {};
  for (const [index, field] of mapping.entries()) {
    const cell = cells[index];
    if (field !== null && cell !== undefined && cell !== "") fields[field] = cell;
  }
  if (kind === "contact" && !readName(fields)) {
    return { fields, refused: { field: "name", problem: MANY_COMMAS } };
  }
  for (const [of, kindOfId] of [
    ["company", "cmp"],
    ["contact", "con"],
  ] as const) {
    const id = fields[`${of}_id`];
    // An id of another system has no meaning here; use the name in the row if it has one.
    if (id !== undefined && (isId(kindOfId, id) || fields[of] === undefined)) fields[of] = id;
  }
  const { amount, employees, expected_close: close } = fields;
  if (amount !== undefined) {
    const bare = amount.replace(/^\s*(?:US)?\$|USD|\$\s*$/gi, "");
    const read = readNumber(bare, decimalComma);
    if (read === "ambiguous") return { fields, refused: { field: "amount", problem: AMBIGUOUS_NUMBER } };
    // Cents have two digits; programs may add zeros.
    fields.amount = (read ?? bare).replace(/(\.\d\d)0+$/, "$1").replace(/\.$/, "");
  }
  if (employees !== undefined) {
    const read = readWholeNumber(employees, decimalComma);
    if (read === "ambiguous") return { fields, refused: { field: "employees", problem: AMBIGUOUS_NUMBER } };
    fields.employees = read ?? employees;
  }
  // Some programs export a day as its midnight.
  if (close !== undefined) fields.expected_close = close.replace(MIDNIGHT, "$1");
  return { fields };
}

const MANY_COMMAS =
  "The name has several commas: use first_name and last_name, or one comma after the last name.";
const MIDNIGHT = /^(\d{4}-\d{2}-\d{2})[T ]00:00(?::00(?:\.0+)?)?(?:Z|[+-]00:?00)?$/;

/** Fills in the two parts of a contact's name from the file. Returns whether that succeeded. */
function readName(fields: Record<string, string>): boolean {
  const { name, first_name: first, last_name: last } = fields;
  if (name === undefined) {
    // A single name is a last name, in either column.
    if (first !== undefined && last === undefined) {
      fields.last_name = first;
      delete fields.first_name;
    }
    return true;
  }
  if (first !== undefined && last !== undefined) return true;
  const parts = splitName(name);
  if (parts === undefined) return false;
  if (first !== undefined) {
    // A column «Name» next to a column of first names holds last names, or the whole name.
    fields.last_name =
      !name.includes(",") && name.startsWith(`${first} `) ? name.slice(first.length).trim() : name;
    if (parts.first_name === first) fields.last_name = parts.last_name;
  } else if (last !== undefined) {
    fields.first_name = name.endsWith(` ${last}`) ? name.slice(0, -last.length).trim() : parts.first_name;
    if (fields.first_name === "") delete fields.first_name;
  } else {
    fields.last_name = parts.last_name;
    if (parts.first_name !== "") fields.first_name = parts.first_name;
  }
  return true;
}
