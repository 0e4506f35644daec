import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import type { ToolContext } from "../../../shared/server/define.ts";
import { defineLongTool, STEP_MS, STEP_PIECES } from "../../../shared/server/task-workflow.ts";
import { BULK_FIELDS, type BulkChange, nameRecord, readChange, TABLE_OF } from "../changes/bulk-change.ts";
import {
  confirmedShape,
  confirmField,
  digestPreview,
  type Proposal,
  refuseChangedPreview,
} from "../changes/confirm.ts";
import { previewRecord, previewTotal, RECORDS_SHOWN } from "../changes/preview-many.ts";
import {
  advancePlan,
  describePlan,
  type PlanState,
  ROWS_A_SLICE,
  ROWS_AT_ONCE,
  requireConfirm,
  requirePlan,
  requirePlanId,
  stopPlan,
} from "../changes/run-plan.ts";
import { lineField } from "../fields.ts";
import { makeId } from "../identifiers.ts";
import type { Plan } from "../imports/plans.ts";
import { nameSubjects } from "../name-subjects.ts";
import { refuseUnknown } from "../refusals.ts";
import {
  positionField,
  RECORDS,
  type RecordKind,
  type RecordRow,
  type SelectionPosition,
  selectRecords,
  whereField,
} from "../selection.ts";
import type { RowVersion } from "../store/bulk.ts";
import { stampCall } from "../store/stamp.ts";
import type { CrmStore } from "../store.ts";

const NAME = "crm_bulk_update";
const MOST_IDS = 500;
const MOST_ROWS = 100_000;
const SHOWN = 20;
const SKIPPED_SHOWN = 50;

const inputShape = z.object({
  record: z.enum(RECORDS).describe("Kind"),
  ids: z.array(z.string().max(60)).min(1).max(MOST_IDS).optional().describe("These, instead of where"),
  where: whereField.optional(),
  field: z.enum(BULK_FIELDS).describe("What to set"),
  value: lineField(120).nullable().describe("Name or e-mail for owner; null empties"),
  confirm: confirmField,
});

type Input = z.output<typeof inputShape>;

type Reading = Pick<ToolContext<CrmStore>, "store" | "principal" | "now">;

/** What a plan keeps of its preview: `value` is what a name meant then, `after` where choosing goes on. */
const previewShape = z.object({
  value: z.string().nullable(),
  to_change: z.number(),
  already_so: z.number(),
  complete: z.boolean(),
  chosen: z.boolean(),
  after: positionField.nullable(),
});

/** Applies one change to many records, after a preview. */
export const bulkUpdate = defineLongTool({
  name: NAME,
  title: "Update many records",
  effect: "update",
  scope: "crm:write",
  timeoutMs: 60_000,
  description:
    "Sets one field of many records, chosen by ids or where. First shows how many and which, before and after; repeated with confirm it changes them, and skips and names records changed since. Stages: crm_move_deal.",
  input: inputShape,
  output: z.object({
    to_change: z.number().describe(`Rows that would change; at most ${MOST_ROWS}`),
    already_so: z.number(),
    complete: z.boolean().describe("False: more fit, repeat afterwards"),
    after: z.string().nullable(),
    rows: z
      .array(
        z.object({
          id: z.string(),
          name: z.string().meta({ classification: "pii" }),
          before: z.string().nullable(),
        }),
      )
      .optional()
      .describe(`The first ${SHOWN}`),
    changed: z.number().optional(),
    skipped: z.array(z.string()).optional().describe("Changed since the preview"),
    skipped_total: z.number().optional(),
    remaining: z.number().optional().describe("Repeat with the same confirm"),
    ...confirmedShape,
  }),
  nameSubjects,
  async check(input, context: Reading) {
    await readChange(context, input.record, input.field, input.value);
    if (input.confirm === undefined) requireChoice(input);
    else await requirePlan(context, requirePlanId(input.confirm), NAME, digestArguments(input));
  },
  async preview(input, context: Reading) {
    const change = await readChange(context, input.record, input.field, input.value);
    const { rows, label, counts } = await readPreview(input, context, change);
    const setField = (row: RecordRow) => [
      { name: change.field, from: change.showBefore(row), to: change.shown },
    ];
    return [
      previewTotal(input.record, label, counts),
      ...rows.slice(0, RECORDS_SHOWN).map((row) => previewRecord(row, setField(row))),
    ];
  },
  work: {
    tasks: "optional",
    async begin(input, context: ToolContext<CrmStore>) {
      if (input.confirm !== undefined) {
        const { plan, proposal } = await openPlan(input, context, requirePlanId(input.confirm));
        await requireConfirm(context, proposal, input.confirm);
        const inline = (plan.parts - plan.done) * ROWS_A_SLICE <= ROWS_AT_ONCE;
        // The user has confirmed a plan that has started.
        const agreed = plan.done > 0 || !context.canAsk;
        return { state: { plan: plan.id, agreed } as PlanState, inline };
      }
      requireChoice(input);
      // Rejects an invalid change before anything is selected.
      const change = await readChange(context, input.record, input.field, input.value);
      const none = { value: change.value, to_change: 0, already_so: 0, after: null };
      const plan = {
        ...{ id: makeId("plan"), tool: NAME, arguments: digestArguments(input) },
        ...{ preview: { ...none, complete: true, chosen: false }, changeId: makeId("chg") },
      };
      await context.store.plans.create(plan, stampCall(context.principal, context.now));
      // The first page shows whether the selection is small.
      const first = await openPlan(input, context, plan.id);
      const page = await chooseNext(input, context, change, first.plan);
      return { state: { plan: plan.id, agreed: false }, inline: page.chosen };
    },
    async step(state, input, context) {
      const { change, plan, preview, proposal } = await openPlan(input, context, state.plan);
      const total = preview.to_change;
      if (!preview.chosen) {
        const chosen = await choose(input, context, change, state.plan);
        return { state, done: chosen, message: "rows chosen" };
      }
      if (!state.agreed) {
        if (total === 0)
          return { answer: { ...(await showPlan(input, context, change, plan)), done: false } };
        const agreement = await context.agree(proposal);
        if (agreement.agreed) return { state: { ...state, agreed: true }, done: 0, total };
        const shown = await showPlan(input, context, change, plan);
        return { answer: { ...shown, done: false, confirm: agreement.confirm } };
      }
      const { confirm: _confirm, ...args } = input;
      const next = await advancePlan(context, state.plan, total, (now, stamp) =>
        context.store.bulk.runSlice(now, change, { total, args }, stamp),
      );
      if (next.done >= next.parts) return { answer: await describeOutcome(context, change, next, proposal) };
      return { state, done: next.changed + next.skipped, total, message: "rows" };
    },
    async pause(state, input, context) {
      const { change, plan, preview, proposal } = await openPlan(input, context, state.plan);
      if (state.agreed) return await describeOutcome(context, change, plan, proposal);
      const chosen = { ...preview, complete: false, chosen: true, after: null };
      await context.store.plans.extend(plan, [], { preview: chosen, shown: plan.shown });
      const shown = await showPlan(input, context, change, { ...plan, preview: chosen });
      return { ...shown, done: false, confirm: await context.sealConfirm(proposal) };
    },
    async stop(state, input, context) {
      const plan = await context.store.plans.read(state.plan, stampCall(context.principal, context.now));
      const total = plan ? previewShape.parse(plan.preview).to_change : 0;
      return await stopPlan(context, state.plan, TABLE_OF[input.record], total);
    },
  },
});

/** The first records that would change, and how many there are: those of the plan, or of a first slice. */
async function readPreview(input: Input, context: Reading, change: BulkChange) {
  const { store } = context;
  if (input.confirm === undefined) {
    const page = await readPage(context, input, ROWS_A_SLICE, null);
    const rows = page.rows.filter((row) => !change.isSet(row));
    const more = page.next === undefined ? "" : "more than ";
    const label = `${more}${rows.length} ${TABLE_OF[input.record]}`;
    // The first rows are shown with their values; the versions stand for all that were read.
    const versions = digestPreview(rows.map(({ id, version }) => `${id} ${version}`));
    return { rows, label, counts: { "would change": `${more}${rows.length}`, "read as": versions } };
  }
  const plan = await requirePlan(context, requirePlanId(input.confirm), NAME, digestArguments(input));
  const { to_change: count } = previewShape.parse(plan.preview);
  const pairs = plan.parts === 0 ? [] : await store.plans.readPart<RowVersion[]>(plan.id, 0);
  const ids = pairs.slice(0, RECORDS_SHOWN).map(([id]) => id);
  const label = `${count} ${TABLE_OF[input.record]}`;
  const rows = await readMany(store, input.record, ids);
  return { rows, label, counts: { "would change": String(count), "read as": plan.shown } };
}

function digestArguments({ record, confirm: _confirm, ...asked }: Input): string {
  return digestPreview([NAME, record, JSON.stringify(asked)]);
}

/** A plan with its change. Throws `conflict` when a name resolves to another id than in the preview. */
async function openPlan(input: Input, context: ToolContext<CrmStore>, id: string) {
  const plan = await requirePlan(context, id, NAME, digestArguments(input));
  const preview = previewShape.parse(plan.preview);
  const change = await readChange(context, input.record, input.field, input.value);
  if (preview.value !== change.value) throw refuseChangedPreview();
  const rows = `${preview.to_change} ${TABLE_OF[input.record]}`;
  const message = `Set ${change.field} of ${rows} to ${change.shown ?? "nothing"}? It can be undone for 30 days.`;
  return { change, plan, preview, proposal: { message, about: plan.shown, id: plan.id } };
}

/** The counts of a plan, with its first rows in their state before the change. */
async function showPlan(input: Input, { store }: ToolContext<CrmStore>, change: BulkChange, plan: Plan) {
  const { to_change, already_so, complete } = previewShape.parse(plan.preview);
  const pairs = plan.parts === 0 ? [] : await store.plans.readPart<RowVersion[]>(plan.id, 0);
  const rows = await readMany(
    store,
    input.record,
    pairs.slice(0, SHOWN).map(([id]) => id),
  );
  return {
    ...{ to_change, already_so, complete, after: change.shown },
    rows: rows.map((row) => ({ id: row.id, name: nameRecord(row), before: change.showBefore(row) })),
  };
}

/** The result of a plan so far. */
async function describeOutcome(
  context: ToolContext<CrmStore>,
  change: BulkChange,
  plan: Plan,
  proposal: Proposal,
) {
  const { store } = context;
  const { to_change, already_so, complete } = previewShape.parse(plan.preview);
  const skipped = plan.skipped === 0 ? [] : await store.plans.listSkipped<string>(plan.id);
  return {
    ...{ to_change, already_so, complete, after: change.shown, changed: plan.changed },
    ...{ skipped: skipped.slice(0, SKIPPED_SHOWN), skipped_total: plan.skipped },
    ...(await describePlan(context, plan, proposal, to_change - plan.changed - plan.skipped)),
  };
}

/** Selects pages for some seconds; returns the number of selected rows. */
async function choose(input: Input, context: ToolContext<CrmStore>, change: BulkChange, id: string) {
  const until = Date.now() + STEP_MS;
  for (let pieces = 0; ; pieces += 1) {
    context.signal.throwIfAborted();
    const { plan, preview } = await openPlan(input, context, id);
    const { chosen, to_change: count } = preview;
    if (chosen || pieces >= STEP_PIECES || Date.now() >= until) return count;
    await chooseNext(input, context, change, plan);
  }
}

/** Selects one page: the rows of one slice. */
async function chooseNext(input: Input, context: ToolContext<CrmStore>, change: BulkChange, plan: Plan) {
  const before = previewShape.parse(plan.preview);
  const room = Math.min(ROWS_A_SLICE, MOST_ROWS - before.to_change);
  const page = await readPage(context, input, room, before.after);
  const open = page.rows.filter((row) => !change.isSet(row));
  const pairs = open.map(({ id, version }): RowVersion => [id, version]);
  const count = before.to_change + open.length;
  const full = count >= MOST_ROWS;
  const preview = {
    value: before.value,
    to_change: count,
    already_so: before.already_so + page.rows.length - open.length,
    complete: page.next === undefined,
    chosen: page.next === undefined || full,
    after: page.next ? { ...page.next } : null,
  };
  const shown = digestPreview([plan.shown || plan.arguments, before.value, JSON.stringify(pairs)]);
  await context.store.plans.extend(plan, pairs, { preview, shown });
  return preview;
}

function requireChoice({ ids, where }: Input): void {
  if ((ids === undefined) !== (where === undefined || Object.keys(where).length === 0)) return;
  throw new ToolError(
    "invalid_input",
    "Choose the records either by ids or by a where that names something.",
  );
}

async function readPage(
  context: Reading,
  { record, ids, where }: Input,
  limit: number,
  after: SelectionPosition | null,
): Promise<{ rows: RecordRow[]; next: SelectionPosition | undefined }> {
  if (ids === undefined) {
    return await selectRecords(context, record, whereField.parse(where), limit, after ?? undefined);
  }
  const rows: RecordRow[] = await readMany(context.store, record, [...new Set(ids)]);
  const found = new Set(rows.map(({ id }) => id));
  const missing = ids.find((id) => !found.has(id));
  if (missing !== undefined) throw refuseUnknown(record, missing);
  return { rows, next: undefined };
}

function readMany(store: CrmStore, record: RecordKind, ids: readonly string[]): Promise<RecordRow[]> {
  if (record === "deal") return store.deals.getMany(ids);
  return record === "contact" ? store.contacts.getMany(ids) : store.companies.getMany(ids);
}
