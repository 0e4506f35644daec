import { ToolError } from "../../../shared/call/tool-error.ts";
import { cutText } from "../../../shared/text/well-formed.ts";
import { digestPreview } from "../changes/confirm.ts";
import { ROWS_A_SLICE } from "../changes/run-plan.ts";
import type { ImportSlice } from "../imports/imports.ts";
import type { VersionedTable } from "../store/versioned.ts";
import { checkRows, type Problem } from "./check-rows.ts";
import { type ColumnMapping, FIELDS, type ImportKind, mapColumns, ROWS } from "./columns.ts";
import { type CsvTable, readCsv } from "./format.ts";
import { planDeals } from "./plan-deals.ts";
import { type ImportContext, type ImportPlan, planCompanies, planContacts } from "./plan-import.ts";

/** A file with how it is read. */
export interface ImportFile {
  record: ImportKind;
  table: CsvTable;
  mapping: ColumnMapping;
  /** Stands for its content, and for what happens to rows that are on file. */
  digest: string;
}

/** What one slice of an import is to do, by rows of the file. */
export type ImportPart = {
  create: number[];
  update: [row: number, id: string, version: number][];
};

/** Where records of a kind are stored. */
export const IMPORT_TABLES: Readonly<Record<ImportKind, VersionedTable>> = {
  contact: "contacts",
  company: "companies",
  deal: "deals",
};

/** Reads a file and finds the field of each column. Throws `invalid_input` for what cannot be read as a whole. */
export async function readFile(
  record: ImportKind,
  csv: string,
  columns: Readonly<Record<string, string>>,
  mode: string,
): Promise<ImportFile> {
  const table = readCsv(csv);
  const mapping = readMapping(record, table, columns);
  const digest = await digestPreview([record, csv, mode, JSON.stringify(mapping)]);
  return { record, table, mapping, digest };
}

function readMapping(record: ImportKind, table: CsvTable, given: Readonly<Record<string, string>>) {
  const wrong = Object.values(given).find((field) => !FIELDS[record].includes(field));
  const { mapping, unknown } = mapColumns(record, table.headers, given);
  if (wrong === undefined && unknown.length === 0) return mapping;
  throw new ToolError(
    "invalid_input",
    wrong === undefined ? `The file has no column ${unknown[0]}.` : `A ${record} has no field "${wrong}".`,
    {
      suggestedAction: `Columns of the file: ${cutText(table.headers.join(", "), 500)}. Fields: ${FIELDS[record].join(", ")}.`,
    },
  );
}

/** Rows of a file with what each would do; only those that are named, if any are. */
export async function planFile(
  context: ImportContext,
  { record, table, mapping }: ImportFile,
  only?: ReadonlySet<number>,
): Promise<ImportPlan> {
  const headerOf = (field: string | null) =>
    field === null ? null : (table.headers[mapping.indexOf(field)] ?? field);
  const some = only ? { ...table, rows: table.rows.filter(({ row }) => only.has(row)) } : table;
  if (record === "contact") {
    const checked = checkRows("contact", ROWS.contact, some, mapping);
    return join(await planContacts(context, checked.rows), checked.problems, headerOf);
  }
  if (record === "company") {
    const checked = checkRows("company", ROWS.company, some, mapping);
    return join(await planCompanies(context, checked.rows), checked.problems, headerOf);
  }
  const checked = checkRows("deal", ROWS.deal, some, mapping);
  return join(await planDeals(context, checked.rows), checked.problems, headerOf);
}

function join(
  plan: ImportPlan,
  problems: ImportPlan["problems"],
  headerOf: (field: string | null) => string | null,
): ImportPlan {
  const found = plan.problems.map((problem) => ({ ...problem, column: headerOf(problem.column) }));
  return { ...plan, problems: [...problems, ...found].sort((one, other) => one.row - other.row) };
}

/** A plan in the pieces in which it is done. */
export function splitIntoBatches({ create, update }: ImportPlan): ImportPart[] {
  const parts: ImportPart[] = [];
  const rows = [
    ...create.map(({ row }) => ({ row, update: null })),
    ...update.map(({ row, id, version }) => ({ row, update: { id, version } })),
  ].sort((one, other) => one.row - other.row);
  for (let start = 0; start < rows.length; start += ROWS_A_SLICE) {
    const some = rows.slice(start, start + ROWS_A_SLICE);
    parts.push({
      create: some.flatMap(({ row, update: known }) => (known ? [] : [row])),
      update: some.flatMap(({ row, update: known }) => (known ? [[row, known.id, known.version]] : [])),
    });
  }
  return parts;
}

/**
 * What of a piece still is as it was shown, and what is left out: rows that somebody has brought on file or changed
 * meanwhile, or whose company or owner is not there any more.
 */
export async function revalidateBatch(
  context: ImportContext,
  file: ImportFile,
  part: ImportPart,
): Promise<Pick<ImportSlice, "create" | "update" | "left">> {
  const shown = new Map(part.update.map(([row, id, version]) => [row, `${id} ${version}`]));
  const rows = new Set([...part.create, ...shown.keys()]);
  const now = await planFile(context, file, rows);
  const create = now.create.filter(({ row }) => !shown.has(row));
  const update = now.update.filter(({ row, id, version }) => shown.get(row) === `${id} ${version}`);
  const kept = new Set([...create, ...update].map(({ row }) => row));
  const named = new Map(now.problems.map((problem) => [problem.row, problem]));
  const left = [...rows]
    .filter((row) => !kept.has(row))
    .map((row): Problem => {
      const why = shown.has(row)
        ? "Changed by somebody else since the preview: left as it is."
        : "On file since the preview: left out.";
      return named.get(row) ?? { row, column: null, problem: why };
    });
  return { create, update, left };
}
