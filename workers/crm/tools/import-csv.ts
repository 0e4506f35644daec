import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import type { ToolContext } from "../../../shared/server/define.ts";
import { defineLongTool } from "../../../shared/server/task-workflow.ts";
import { confirmedShape, confirmField, digestPreview, type Proposal } from "../changes/confirm.ts";
import { previewImport, RECORDS_SHOWN } from "../changes/preview-many.ts";
import {
  advancePlan,
  describePlan,
  ROWS_AT_ONCE,
  requireConfirm,
  requirePlan,
  requirePlanId,
  stopPlan,
} from "../changes/run-plan.ts";
import type { Problem } from "../csv/check-rows.ts";
import { IMPORTED } from "../csv/columns.ts";
import { FILE_LIMITS } from "../csv/format.ts";
import type { ImportContext } from "../csv/plan-import.ts";
import {
  IMPORT_TABLES,
  type ImportFile,
  type ImportPart,
  planFile,
  readFile,
  revalidateBatch,
  splitIntoBatches,
} from "../csv/read-file.ts";
import { idempotencyField } from "../fields.ts";
import { makeId } from "../identifiers.ts";
import type { Plan } from "../imports/plans.ts";
import type { ChangeArguments } from "../store/change.ts";
import { describeWrite, type IdempotentWrite } from "../store/idempotency.ts";
import { type Stamp, stampCall } from "../store/stamp.ts";
import type { CrmStore } from "../store.ts";

const NAME = "crm_import_csv";
const KNOWN_SHOWN = 50;
/** Number of attempts when stored records change while a slice is written. */
const TRIES = 3;

const inputShape = z.object({
  record: z.enum(IMPORTED).describe("Kind"),
  csv: z.string().min(1).max(FILE_LIMITS.characters).describe("The file with its header line"),
  columns: z
    .record(z.string(), z.string())
    .optional()
    .describe('Column to field where the dry run was wrong, such as {"Kunde": "company"}'),
  on_duplicate: z
    .enum(["skip", "update"])
    .default("skip")
    .describe("update fills in rows known by e-mail, domain, deal id or name"),
  confirm: confirmField,
  idempotency_key: idempotencyField.optional(),
});

type Input = z.output<typeof inputShape>;

type Reading = Pick<ToolContext<CrmStore>, "store" | "principal" | "now">;

const previewShape = z.object({
  rows: z.number(),
  create: z.number(),
  update: z.number(),
  skip: z.number().describe("On file already"),
  columns: z.record(z.string(), z.string().nullable()).describe("How each column is read"),
  on_file: z
    .array(z.object({ row: z.number(), id: z.string(), same: z.string() }))
    .describe(`The first ${KNOWN_SHOWN}`),
});

/** `plan` is null until the file has been validated. */
type State = { plan: string | null; agreed: boolean };

/** Imports a file of people, companies or deals. */
export const importCsv = defineLongTool({
  name: NAME,
  title: "Import CSV",
  effect: "update",
  scope: "crm:write",
  timeoutMs: 60_000,
  description: `Imports contacts, companies or deals from CSV, up to ${FILE_LIMITS.rows} rows. First a dry run: how columns are read, every problem by row and column, rows on file. Then repeat with confirm; rows with problems stay out. crm_undo_change takes it back.`,
  input: inputShape,
  output: previewShape.extend({
    problems: z.array(z.object({ row: z.number(), column: z.string().nullable(), problem: z.string() })),
    written: z.number().optional(),
    remaining: z.number().optional().describe("Repeat with this confirm"),
    replayed: z.boolean().optional().describe("An earlier call did it"),
    ...confirmedShape,
  }),
  overflow: "problems",
  async check(input, context: Reading) {
    const file = await open(input);
    if (input.confirm === undefined) return;
    await requirePlan(context, requirePlanId(input.confirm), NAME, file.digest);
  },
  async preview(input, { store, principal }: Reading) {
    const updates = input.on_duplicate === "update";
    const known = { store, principal, updates, ignore: "", owners: new Map() };
    const plan = await planFile(known, await open(input));
    const ids = plan.update.slice(0, RECORDS_SHOWN).map(({ id }) => id);
    const stores = { contact: store.contacts, company: store.companies, deal: store.deals };
    return previewImport(input.record, plan, await stores[input.record].getMany(ids));
  },
  work: {
    tasks: "optional",
    async begin(input, context: ToolContext<CrmStore>) {
      const file = await open(input);
      const inline = file.table.rows.length <= ROWS_AT_ONCE;
      if (input.confirm !== undefined) {
        const plan = await requirePlan(context, requirePlanId(input.confirm), NAME, file.digest);
        await requireConfirm(context, describeProposal(file, plan), input.confirm);
        if (plan.done > 0 && plan.done >= plan.parts) {
          return { answer: await replay(context, file, { changeId: plan.changeId, plan }) };
        }
        // The user has confirmed a plan that has started.
        return { state: { plan: plan.id, agreed: plan.done > 0 || !context.canAsk } as State, inline };
      }
      const { earlier } = await findEarlier(context, input, file);
      if (earlier) return { answer: await replay(context, file, earlier) };
      return { state: { plan: null, agreed: false }, inline };
    },
    async step(state, input, context) {
      const file = await open(input);
      if (state.plan === null) {
        const { id, count } = await check(input, context, file);
        return { state: { plan: id, agreed: false }, done: count, total: count, message: "rows checked" };
      }
      const plan = await requirePlan(context, state.plan, NAME, file.digest);
      const preview = previewShape.parse(plan.preview);
      const total = preview.create + preview.update;
      if (!state.agreed) {
        if (total === 0) return { answer: { ...(await describe(context, plan)), done: false } };
        const agreement = await context.agree(describeProposal(file, plan));
        if (agreement.agreed) return { state: { ...state, agreed: true }, done: 0, total };
        return { answer: { ...(await describe(context, plan)), done: false, confirm: agreement.confirm } };
      }
      // Another call with the same file was faster and has done it.
      const { earlier, write } = await findEarlier(context, input, file);
      if (earlier && earlier.changeId !== plan.changeId) {
        return { answer: await replay(context, file, earlier) };
      }
      const { csv: _csv, confirm: _confirm, idempotency_key: _key, ...args } = input;
      const updates = input.on_duplicate === "update";
      const work = { file, write, updates, total, args, owners: new Map() };
      const next = await advancePlan(context, plan.id, total, (now, stamp) =>
        writeSlice(context, now, work, stamp),
      );
      if (next.done >= next.parts) return { answer: await describeOutcome(context, file, next) };
      return { state, done: next.changed + next.skipped, total, message: "rows" };
    },
    async pause(state, input, context) {
      const file = await open(input);
      const id = state.plan ?? (await check(input, context, file)).id;
      const plan = await requirePlan(context, id, NAME, file.digest);
      if (state.agreed) return await describeOutcome(context, file, plan);
      const confirm = await context.sealConfirm(describeProposal(file, plan));
      return { ...(await describe(context, plan)), done: false, confirm };
    },
    async stop({ plan: id }, { record }, context) {
      if (id === null) return "Nothing was written.";
      const plan = await context.store.plans.read(id, stampCall(context.principal, context.now));
      const { create = 0, update = 0 } = plan ? previewShape.parse(plan.preview) : {};
      return await stopPlan(context, id, IMPORT_TABLES[record], create + update);
    },
  },
});

function open({ record, csv, columns, on_duplicate: mode }: Input): Promise<ImportFile> {
  return readFile(record, csv, columns ?? {}, mode);
}

/** The proposal for the user's confirmation. */
function describeProposal({ record }: ImportFile, { id, shown, preview }: Plan): Proposal {
  const { rows, create, update, skip } = previewShape.parse(preview);
  const stayOut = rows - create - update - skip;
  const message = `Import ${create} new ${record} records and change ${update}? ${skip} are on file already, ${stayOut} rows have problems and stay out. It can be undone for 30 days.`;
  return { message, about: shown, id };
}

/** Validates every row and stores the planned writes. */
async function check(input: Input, { store, principal, now }: ToolContext<CrmStore>, file: ImportFile) {
  const changeId = makeId("chg");
  const updates = input.on_duplicate === "update";
  const owners = new Map();
  const plan = await planFile({ store, principal, updates, ignore: changeId, owners }, file);
  const { headers, rows } = file.table;
  const preview = {
    rows: rows.length,
    create: plan.create.length,
    update: plan.update.length,
    skip: plan.skip.length,
    columns: Object.fromEntries(headers.map((header, index) => [header, file.mapping[index] ?? null])),
    on_file: [...plan.update, ...plan.skip]
      .sort((one, other) => one.row - other.row)
      .slice(0, KNOWN_SHOWN)
      .map(({ row, id, same }) => ({ row, id, same })),
  };
  const parts = splitIntoBatches(plan);
  const shown = digestPreview([file.digest, JSON.stringify(parts)]);
  const id = makeId("plan");
  const problems = plan.problems.map((problem) => ({ ...problem }));
  await store.plans.createWhole(
    { id, tool: NAME, arguments: file.digest, preview, changeId, shown },
    parts,
    problems,
    stampCall(principal, now),
  );
  return { id, count: rows.length };
}

/** Writes the next slice: the rows that are unchanged since the preview. */
async function writeSlice(
  { store, principal }: ToolContext<CrmStore>,
  plan: Plan,
  work: Pick<ImportContext, "updates" | "owners"> & {
    file: ImportFile;
    write: IdempotentWrite;
    total: number;
    args: ChangeArguments;
  },
  stamp: Stamp,
): Promise<boolean> {
  const { file, write, updates, owners, total, args } = work;
  const table = IMPORT_TABLES[file.record];
  const part = await store.plans.readPart<ImportPart>(plan.id, plan.done);
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    const known = { store, principal, updates, owners, ignore: plan.changeId };
    const slice = await revalidateBatch(known, file, part);
    const summary = `up to ${total} ${table} from a file`;
    const outcome = await store.imports.runSlice(table, plan, { ...slice, write, summary, args }, stamp);
    if (outcome === "written") return true;
    if (outcome === "twin") {
      throw new ToolError("conflict", "Another call has begun to import this file.", {
        suggestedAction: "Call again without confirm: the answer says how far it is.",
      });
    }
    const now = await store.plans.read(plan.id, stamp);
    if (now?.done !== plan.done || now.stopped) return false;
  }
  return false;
}

/** The preview of a plan, with every excluded row. */
async function describe({ store }: ToolContext<CrmStore>, plan: Plan) {
  const problems = await store.plans.listProblems<Problem>(plan.id);
  const left = plan.skipped === 0 ? [] : await store.plans.listSkipped<Problem>(plan.id);
  return {
    ...previewShape.parse(plan.preview),
    problems: [...problems, ...left].sort((one, other) => one.row - other.row),
  };
}

/** The result of a plan so far. */
async function describeOutcome(context: ToolContext<CrmStore>, file: ImportFile, plan: Plan) {
  const shown = await describe(context, plan);
  const remaining = shown.create + shown.update - plan.changed - plan.skipped;
  return {
    ...shown,
    written: plan.changed,
    ...(await describePlan(context, plan, describeProposal(file, plan), remaining)),
  };
}

/** The result or progress of an earlier call with the same file or key. */
async function replay(context: ToolContext<CrmStore>, file: ImportFile, earlier: Earlier) {
  if (earlier.plan) return { ...(await describeOutcome(context, file, earlier.plan)), replayed: true };
  const { length: rows } = file.table.rows;
  const columns = Object.fromEntries(
    file.table.headers.map((header, index) => [header, file.mapping[index] ?? null]),
  );
  const known = { rows, create: 0, update: 0, skip: rows, columns, problems: [], on_file: [] };
  return { ...known, done: true, replayed: true, change_id: earlier.changeId };
}

interface Earlier {
  changeId: string;
  /** Null for an import whose plan has expired. */
  plan: Plan | null;
}

/**
 * The import of an earlier call with this key, and the idempotent write for a new one. An earlier import that
 * was undone or cancelled, or that skipped rows, does not count: the same file may be imported again.
 */
async function findEarlier(
  { store, principal, now }: ToolContext<CrmStore>,
  { idempotency_key: key }: Input,
  { digest }: ImportFile,
): Promise<{ write: IdempotentWrite; earlier: Earlier | undefined }> {
  let name = key ?? `import ${digest}`;
  for (;;) {
    const write = describeWrite(principal.userId, name, NAME, { file: digest });
    const changeId = await store.recallWrite(write);
    if (changeId === undefined) return { write, earlier: undefined };
    const plan = await store.plans.findByChange(changeId, stampCall(principal, now));
    const again = plan && (plan.stopped || plan.skipped > 0);
    if (!again && !(await store.journal.isUndone(changeId))) {
      return { write, earlier: { changeId, plan } };
    }
    name = `${name} after ${changeId}`;
  }
}
