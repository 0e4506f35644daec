import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/mcp/define.ts";
import { ToolError } from "../../../shared/mcp/errors.ts";
import { BULK_FIELDS, nameRecord, readChange, TABLE_OF } from "../bulk-change.ts";
import {
  confirmChange,
  confirmedShape,
  confirmField,
  digestPreview,
  refuseChangedPreview,
} from "../confirm.ts";
import { lineField } from "../fields.ts";
import { makeId } from "../identifiers.ts";
import { nameSubjects } from "../name-subjects.ts";
import { refuseUnknown } from "../refusals.ts";
import { RECORDS, type RecordKind, type RecordRow, selectRecords, whereField } from "../selection.ts";
import type { BulkPlan, BulkValue, RowVersion } from "../store/bulk.ts";
import { type Stamp, stampCall } from "../store/stamp.ts";
import type { CrmStore } from "../store.ts";

const MOST_IDS = 500;
const MOST_ROWS = 5_000;
const SHOWN = 20;
const SKIPPED_SHOWN = 50;

/** One change to many records, which is seen before it is made. */
export const bulkUpdate = defineTool({
  name: "crm_bulk_update",
  title: "Update many records",
  effect: "update",
  scope: "crm:write",
  description:
    "Sets one field of many records, chosen by ids or where. First shows how many and which, before and after; repeated with confirm it changes 500 rows a call, and skips and names what somebody changed since. Stages: crm_move_deal.",
  input: z.object({
    record: z.enum(RECORDS).describe("Kind"),
    ids: z.array(z.string().max(60)).min(1).max(MOST_IDS).optional().describe("These, instead of where"),
    where: whereField.optional(),
    field: z.enum(BULK_FIELDS).describe("What to set"),
    value: lineField(120).nullable().describe("Name or e-mail for owner; null empties"),
    confirm: confirmField,
  }),
  output: z.object({
    to_change: z.number().optional().describe(`Rows that would change; at most ${MOST_ROWS}`),
    already_so: z.number().optional(),
    complete: z.boolean().optional().describe("False: more fit, repeat afterwards"),
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
    skipped: z.array(z.string()).optional().describe("Changed by somebody else since the preview"),
    skipped_total: z.number().optional(),
    remaining: z.number().optional().describe("Repeat with the same confirm"),
    ...confirmedShape,
  }),
  nameSubjects,
  async run(input, { store, principal, now, canAsk, ask }: ToolContext<CrmStore>) {
    const { record, confirm, ...asked } = input;
    const change = await readChange({ store, principal }, record, input.field, input.value);
    const stamp = stampCall(principal, now);
    const digest = await digestPreview(["crm_bulk_update", record, JSON.stringify(asked)]);
    if (confirm !== undefined) {
      const plan = await store.bulk.readPlan(confirm, stamp);
      if (plan?.arguments !== digest) throw refuseChangedPreview();
      return { after: change.shown, ...(await runSlice(store, plan, change, stamp)) };
    }
    const { rows, complete } = await choose({ store, principal, now }, input);
    const open = rows.filter((row) => !change.isSet(row));
    const preview = {
      to_change: open.length,
      already_so: rows.length - open.length,
      complete,
      after: change.shown,
      rows: open
        .slice(0, SHOWN)
        .map((row) => ({ id: row.id, name: nameRecord(row), before: change.showBefore(row) })),
    };
    if (open.length === 0) return { ...preview, done: false };
    const pairs = open.map(({ id, version }): RowVersion => [id, version]);
    const question = `Set ${change.field} of ${open.length} ${TABLE_OF[record]} to ${change.shown ?? "nothing"}? It can be undone for 30 days.`;
    const shown = await digestPreview([digest, JSON.stringify(pairs)]);
    const agreed = await confirmChange({ canAsk, ask }, question, shown, undefined, `bulk_${shown}`);
    const plan = { id: makeId("plan"), arguments: digest, pairs };
    await store.bulk.savePlan(plan, stamp);
    if (!agreed) return { ...preview, done: false, confirm: plan.id };
    return { ...preview, ...(await runSlice(store, { ...plan, done: 0 }, change, stamp)) };
  },
});

async function runSlice(store: CrmStore, plan: BulkPlan, change: BulkValue, stamp: Stamp) {
  // A repeated call after the last slice: what it asks for is so.
  if (plan.done >= plan.pairs.length) return { changed: 0, remaining: 0, done: true };
  const changeId = makeId("chg");
  const slice = await store.bulk.runSlice(plan, change, changeId, stamp);
  if (slice === undefined) throw refuseChangedPreview();
  return {
    changed: slice.changed,
    skipped: slice.skipped.slice(0, SKIPPED_SHOWN),
    skipped_total: slice.skipped.length,
    remaining: slice.remaining,
    done: true,
    ...(slice.remaining > 0 && { confirm: plan.id }),
    change_id: changeId,
    undo_until: slice.undoUntil,
  };
}

async function choose(
  context: Pick<ToolContext<CrmStore>, "store" | "principal" | "now">,
  { record, ids, where }: { record: RecordKind; ids?: string[] | undefined; where?: object | undefined },
): Promise<{ rows: RecordRow[]; complete: boolean }> {
  if ((ids === undefined) === (where === undefined || Object.keys(where).length === 0)) {
    throw new ToolError(
      "invalid_input",
      "Choose the records either by ids or by a where that names something.",
    );
  }
  if (ids === undefined) {
    const page = await selectRecords(context, record, whereField.parse(where), MOST_ROWS);
    return { rows: page.rows, complete: page.next === undefined };
  }
  const rows: RecordRow[] = await readMany(context.store, record, [...new Set(ids)]);
  const found = new Set(rows.map(({ id }) => id));
  const missing = ids.find((id) => !found.has(id));
  if (missing !== undefined) throw refuseUnknown(record, missing);
  return { rows, complete: true };
}

function readMany(store: CrmStore, record: RecordKind, ids: readonly string[]): Promise<RecordRow[]> {
  if (record === "deal") return store.deals.getMany(ids);
  return record === "contact" ? store.contacts.getMany(ids) : store.companies.getMany(ids);
}
