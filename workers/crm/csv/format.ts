import Papa from "papaparse";
import { ToolError } from "../../../shared/call/tool-error.ts";

/** Most characters, rows and columns of one file, and characters of a column's name. */
export const FILE_LIMITS = { characters: 3_000_000, rows: 50_000, columns: 100, header: 200 } as const;

/** What a spreadsheet would read as a formula (OWASP, «CSV injection»), also in full-width characters. */
const FORMULA = /^\s*[=+\-@\t\r＝＋－＠]/;

/**
 * Where a spreadsheet that takes semicolons for the ends of cells, as those with a decimal comma do, would read one in
 * the middle of ours. It knows no quotes but those at the beginning of a cell of its own.
 */
const INNER_FORMULA = /(;["\s]*)(?=[=+\-@＝＋－＠])/g;
const INNER_GUARD = /(;["\s]*)'(?=[=+\-@＝＋－＠])/g;

/** A file as a table. `row` counts as a spreadsheet does: the header is row 1. */
export interface CsvTable {
  headers: string[];
  rows: { row: number; cells: string[] }[];
  /** Rows that are no well-formed CSV. */
  broken: { row: number; problem: string }[];
  /** Whether spreadsheets of its kind write 1,5 for one and a half: they put `;` between cells then. */
  decimalComma: boolean;
}

/**
 * Reads CSV (RFC 4180, or with `;`, tab or `|` between cells) with a header line. Quotes that a spreadsheet's guard put
 * before a formula are taken off. Throws `invalid_input` for a file without rows, or over the limits.
 */
export function readCsv(text: string): CsvTable {
  const { data, errors, meta } = Papa.parse<string[]>(text.replace(/^\uFEFF/, ""), {
    skipEmptyLines: false,
    delimitersToGuess: [",", ";", "\t", "|"],
  });
  const [first = [], ...rest] = data;
  const headers = first.map((cell) => cell.trim());
  if (headers.length > FILE_LIMITS.columns) {
    throw new ToolError(
      "invalid_input",
      `The file has ${headers.length} columns; at most ${FILE_LIMITS.columns} are read.`,
    );
  }
  if (headers.some((header) => header.length > FILE_LIMITS.header)) {
    throw new ToolError(
      "invalid_input",
      `A column's name has over ${FILE_LIMITS.header} characters: the first line must name the columns.`,
    );
  }
  const rows = rest
    .map((cells, index) => ({ row: index + 2, cells: cells.map(readCell) }))
    .filter(({ cells }) => cells.some((cell) => cell !== ""));
  if (rows.length === 0) {
    throw new ToolError("invalid_input", "The file holds no row below its header.", {
      suggestedAction: "The first line names the columns, every other line is one record.",
    });
  }
  if (rows.length > FILE_LIMITS.rows) {
    throw new ToolError(
      "invalid_input",
      `The file has ${rows.length} rows; a call takes ${FILE_LIMITS.rows}.`,
      {
        suggestedAction: "Split it, and keep the header line in each part.",
      },
    );
  }
  const broken = errors
    .filter(({ type, row }) => type !== "Delimiter" && row !== undefined)
    .map(({ row }) => ({ row: (row ?? 0) + 1, problem: "A quote opens or closes in the wrong place." }));
  return { headers, rows, broken, decimalComma: meta.delimiter === ";" };
}

/** Writes a table as CSV with CRLF; what a spreadsheet would run as a formula begins with an apostrophe. */
export function writeCsv(
  headers: readonly string[],
  rows: readonly (readonly (string | number | null)[])[],
  withHeader: boolean,
): string {
  const table = (withHeader ? [headers, ...rows] : rows).map((cells) => cells.map(guardInside));
  return Papa.unparse(table, { escapeFormulae: FORMULA, newline: "\r\n" });
}

function guardInside(cell: string | number | null): string | number | null {
  return typeof cell === "string" ? cell.replaceAll(INNER_FORMULA, "$1'") : cell;
}

function readCell(cell: string): string {
  const text = cell.trim().replaceAll(INNER_GUARD, "$1");
  return text.startsWith("'") && FORMULA.test(text.slice(1)) ? text.slice(1).trim() : text;
}
