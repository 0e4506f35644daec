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

/** A file with its column mapping. */
export interface ImportFile {
  record: ImportKind;
  table: CsvTable;
  mapping: ColumnMapping;
  /** Digest of its content and of the treatment of rows with a stored record. */
  digest: string;
}

/** Rows of the file that one slice of an import writes. */
export type ImportPart = {
  create: number[];
  update: [row: number, id: string, version: number][];
};

/** The table of each kind of record. */
export const IMPORT_TABLES: Readonly<Record<ImportKind, VersionedTable>> = {
  contact: "contacts",
  company: "companies",
  deal: "deals",
};

/** Parses a file and maps its columns. Throws `invalid_input` for a file that cannot be read as a whole. */
export async function readFile(
  record: ImportKind,
  csv: string,
  columns: Readonly<Record<string, string>>,
  mode: string,
): Promise<ImportFile> {
  const table = readCsv(csv);
  const mapping = readMapping(record, table, columns);
  const digest = digestPreview([record, csv, mode, JSON.stringify(mapping)]);
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

/** Plans the rows of a file, or only the given ones. */
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

/** Splits a plan into the batches in which it runs. */
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
 * Re-validates one batch against current data: rows unchanged since the preview, and `left` with a reason for
 * every other row: its record was created or changed meanwhile, or its company or owner no longer exists.
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
        ? "Changed by another user since the preview: left as it is."
        : "On file since the preview: left out.";
      return named.get(row) ?? { row, column: null, problem: why };
    });
  return { create, update, left };
}
