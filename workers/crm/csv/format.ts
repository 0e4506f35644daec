import Papa from "papaparse";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { nameColumns, readPreamble } from "./read-header.ts";

/** Maximum characters, rows and columns of a file, and characters of a column's name. */
export const FILE_LIMITS = { characters: 3_000_000, rows: 50_000, columns: 100, header: 200 } as const;

/**
 * Text that a spreadsheet would read as a formula (OWASP, «CSV injection»), also in full-width characters and
 * behind guards.
 */
const FORMULA = /^[\s']*[=+\-@\t\r＝＋－＠]/;

/**
 * Start of a formula after a semicolon inside a cell. A spreadsheet with a decimal comma ends cells at
 * semicolons; it only recognises quotes at the beginning of a cell.
 */
const INNER_FORMULA = /(;["\s]*)(?!["\s])(?=[\s"']*[=+\-@＝＋－＠])/g;
const INNER_GUARD = /(;["\s]*)'(?=[\s"']*[=+\-@＝＋－＠])/g;

/** A parsed file. `row` counts as a spreadsheet does: the header is row 1. */
export interface CsvTable {
  headers: string[];
  rows: { row: number; cells: string[] }[];
  /** Rows that are not well-formed CSV. */
  broken: { row: number; problem: string }[];
  /** Whether the file uses a decimal comma (1,5), as files with `;` between cells do. */
  decimalComma: boolean;
}

/**
 * Reads CSV (RFC 4180, or with `;`, tab or `|` between cells) with a header line. A line such as `sep=;` and
 * empty lines may precede it. Removes the quotes that a spreadsheet's guard puts before a formula. Throws
 * `invalid_input` for a file without rows, or over the limits.
 */
export function readCsv(text: string): CsvTable {
  const preamble = readPreamble(text);
  const { data, errors, meta } = Papa.parse<string[]>(preamble.text, {
    skipEmptyLines: false,
    delimitersToGuess: [",", ";", "\t", "|"],
    ...(preamble.delimiter && { delimiter: preamble.delimiter }),
  });
  const [first = [], ...rest] = data;
  const above = preamble.emptyLines;
  if (first.length > FILE_LIMITS.columns) {
    throw new ToolError(
      "invalid_input",
      `The file has ${first.length} columns; at most ${FILE_LIMITS.columns} are read.`,
    );
  }
  if (first.some((header) => header.trim().length > FILE_LIMITS.header)) {
    throw new ToolError(
      "invalid_input",
      `A column's name has over ${FILE_LIMITS.header} characters: the first line must name the columns.`,
    );
  }
  const headers = nameColumns(first);
  const rows = rest
    .map((cells, index) => ({ row: above + index + 2, cells: cells.map(readCell) }))
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
    .map(({ row }) => ({
      row: above + (row ?? 0) + 1,
      problem: "A quote opens or closes in the wrong place.",
    }));
  return { headers, rows, broken, decimalComma: meta.delimiter === ";" };
}

/** Excel reads a file as UTF-8 only with a byte order mark. */
const BYTE_ORDER_MARK = "\uFEFF";

/**
 * Writes a table as CSV with CRLF; an apostrophe precedes text that a spreadsheet would run as a formula.
 * With the header comes the byte order mark. {@link readCsv} returns the same cells, except for white space
 * at their ends.
 */
export function writeCsv(
  headers: readonly string[],
  rows: readonly (readonly (string | number | null)[])[],
  withHeader: boolean,
): string {
  const table = (withHeader ? [headers, ...rows] : rows).map((cells) => cells.map(writeCell));
  return (withHeader ? BYTE_ORDER_MARK : "") + Papa.unparse(table, { newline: "\r\n", quotes: isGuarded });
}

function isGuarded(cell: unknown): boolean {
  return typeof cell === "string" && cell.startsWith("'");
}

function writeCell(cell: string | number | null): string | number | null {
  if (typeof cell !== "string") return cell;
  const guarded = cell.replaceAll(INNER_FORMULA, "$1'");
  return FORMULA.test(cell) ? `'${guarded}` : guarded;
}

function readCell(cell: string): string {
  const text = cell.trim();
  const plain = text.startsWith("'") && FORMULA.test(text.slice(1)) ? text.slice(1).trim() : text;
  return plain.replaceAll(INNER_GUARD, "$1");
}
