import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/mcp/define.ts";
import { ToolError } from "../../../shared/mcp/errors.ts";
import {
  confirmChange,
  confirmedShape,
  confirmField,
  digestPreview,
  refuseChangedPreview,
} from "../confirm.ts";
import { checkRows } from "../csv/check-rows.ts";
import { FIELDS, IMPORTED, type ImportKind, mapColumns, ROWS } from "../csv/columns.ts";
import { type CsvTable, FILE_LIMITS, readCsv } from "../csv/format.ts";
import { type ImportContext, type ImportPlan, planCompanies, planContacts } from "../csv/plan-import.ts";
import { idempotencyField } from "../fields.ts";
import { describeWrite, type IdempotentWrite } from "../store/idempotency.ts";
import { stampCall } from "../store/stamp.ts";
import type { CrmStore } from "../store.ts";

const KNOWN_SHOWN = 50;

/** A file of people or companies. */
export const importCsv = defineTool({
  name: "crm_import_csv",
  title: "Import CSV",
  effect: "update",
  scope: "crm:write",
  timeoutMs: 60_000,
  description: `Imports contacts or companies from CSV, up to ${FILE_LIMITS.rows} rows. First a dry run: how columns are read, every problem by row and column, rows that are on file. Then repeat with confirm; rows with problems stay out. crm_undo_change takes it back.`,
  input: z.object({
    record: z.enum(IMPORTED).describe("Kind"),
    csv: z.string().min(1).max(FILE_LIMITS.characters).describe("The file with its header line"),
    columns: z
      .record(z.string(), z.string())
      .optional()
      .describe('Column to field where the dry run was wrong, such as {"Kunde": "company"}'),
    on_duplicate: z
      .enum(["skip", "update"])
      .default("skip")
      .describe("update fills in rows known by e-mail or domain"),
    confirm: confirmField,
    idempotency_key: idempotencyField.optional(),
  }),
  output: z.object({
    rows: z.number(),
    create: z.number(),
    update: z.number(),
    skip: z.number().describe("On file already"),
    columns: z.record(z.string(), z.string().nullable()).describe("How each column is read"),
    problems: z.array(z.object({ row: z.number(), column: z.string().nullable(), problem: z.string() })),
    on_file: z
      .array(z.object({ row: z.number(), id: z.string(), same: z.string() }))
      .describe(`The first ${KNOWN_SHOWN}`),
    replayed: z.boolean().optional().describe("True: an earlier call had imported it"),
    ...confirmedShape,
  }),
  overflow: "problems",
  async run(input, { store, principal, now, canAsk, ask }: ToolContext<CrmStore>) {
    const { record, csv, on_duplicate: mode, confirm, idempotency_key: key } = input;
    const table = readCsv(csv);
    const mapping = readMapping(record, table, input.columns ?? {});
    const plan = await makePlan({ store, principal, updates: mode === "update" }, record, table, mapping);
    const answer = {
      rows: table.rows.length,
      create: plan.create.length,
      update: plan.update.length,
      skip: plan.skip.length,
      columns: Object.fromEntries(table.headers.map((header, index) => [header, mapping[index] ?? null])),
      problems: plan.problems,
      on_file: [...plan.update, ...plan.skip]
        .sort((one, other) => one.row - other.row)
        .slice(0, KNOWN_SHOWN)
        .map(({ row, id, same }) => ({ row, id, same })),
    };
    const file = await digestPreview([record, csv, mode, JSON.stringify(mapping)]);
    const { write, earlier } = await findEarlier(store, principal.userId, key ?? `import ${file}`, file);
    if (earlier !== undefined) return { ...answer, done: true, replayed: true, change_id: earlier };
    if (plan.create.length + plan.update.length === 0) return { ...answer, done: false };
    const digest = await digestPreview([
      file,
      plan.create.map(({ row }) => row),
      plan.update.map(({ row, id, version }) => [row, id, version]),
    ]);
    const question = `Import ${plan.create.length} new ${record} records and change ${plan.update.length}? ${plan.skip.length} are on file already, ${table.rows.length - plan.create.length - plan.update.length - plan.skip.length} rows have problems and stay out. It can be undone for 30 days.`;
    if (!(await confirmChange({ canAsk, ask }, question, digest, confirm, `import_${digest}`))) {
      return { ...answer, done: false, confirm: digest };
    }
    const target = record === "contact" ? "contacts" : "companies";
    const result = await store.imports.run(target, plan, write, stampCall(principal, now));
    if (result === undefined) throw refuseChangedPreview();
    return {
      ...answer,
      done: true,
      ...(result.replayed && { replayed: true }),
      change_id: result.changeId,
      ...(result.undoUntil !== undefined && { undo_until: result.undoUntil }),
    };
  },
});

/**
 * What an earlier call with this key imported, and the write that stands for another one. An import that was taken back
 * is none: the same file may come in again.
 */
async function findEarlier(
  store: CrmStore,
  userId: string,
  key: string,
  file: string,
): Promise<{ write: IdempotentWrite; earlier: string | undefined }> {
  const write = await describeWrite(userId, key, "crm_import_csv", { file });
  const earlier = await store.recallWrite(write);
  if (earlier === undefined || !(await store.journal.isUndone(earlier))) return { write, earlier };
  return await findEarlier(store, userId, `${key} after ${earlier}`, file);
}

function readMapping(record: ImportKind, table: CsvTable, given: Readonly<Record<string, string>>) {
  const wrong = Object.values(given).find((field) => !FIELDS[record].includes(field));
  const { mapping, unknown } = mapColumns(record, table.headers, given);
  if (wrong === undefined && unknown.length === 0) return mapping;
  throw new ToolError(
    "invalid_input",
    wrong === undefined ? `The file has no column ${unknown[0]}.` : `A ${record} has no field "${wrong}".`,
    {
      suggestedAction: `Columns of the file: ${table.headers.join(", ").slice(0, 500)}. Fields: ${FIELDS[record].join(", ")}.`,
    },
  );
}

/** Rows of a file with what each would do. */
async function makePlan(
  context: ImportContext,
  record: ImportKind,
  table: CsvTable,
  mapping: ReturnType<typeof readMapping>,
): Promise<ImportPlan> {
  const headerOf = (field: string | null) =>
    field === null ? null : (table.headers[mapping.indexOf(field)] ?? field);
  if (record === "contact") {
    const checked = checkRows("contact", ROWS.contact, table, mapping);
    return join(await planContacts(context, checked.rows), checked.problems, headerOf);
  }
  const checked = checkRows("company", ROWS.company, table, mapping);
  return join(await planCompanies(context, checked.rows), checked.problems, headerOf);
}

function join(
  plan: ImportPlan,
  problems: ImportPlan["problems"],
  headerOf: (field: string | null) => string | null,
): ImportPlan {
  const found = plan.problems.map((problem) => ({ ...problem, column: headerOf(problem.column) }));
  return { ...plan, problems: [...problems, ...found].sort((one, other) => one.row - other.row) };
}
