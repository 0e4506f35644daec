import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { changeAsAgreed, confirmedShape, confirmField } from "../changes/confirm.ts";
import { previewCompany, previewContact, previewDeal, previewRemoval } from "../changes/preview.ts";
import { isId, makeId } from "../identifiers.ts";
import { nameSubjects } from "../name-subjects.ts";
import { requireCompany, requireContact, requireDeal } from "../refusals.ts";
import { type DeletableColumn, deleteCompany, deleteContact, deleteDeal } from "../store/deletions.ts";
import { stampCall } from "../store/stamp.ts";
import type { CrmStore } from "../store.ts";

/** Deletes one record reversibly. */
export const deleteRecord = defineTool({
  name: "crm_delete_record",
  title: "Delete a contact, deal or company",
  effect: "delete",
  scope: "crm:delete",
  description:
    "Deletes a contact, a deal, or a company without either; crm_undo_change brings it back for 30 days. Asks the person, or gives a preview and takes confirm. For the right to be forgotten this is not enough: it can be undone.",
  input: z.object({
    id: z
      .string()
      .max(60)
      .refine(
        (id) => isId("con", id) || isId("deal", id) || isId("cmp", id),
        "Expected a con_, deal_ or cmp_ id.",
      )
      .describe("Contact, deal or company id"),
    confirm: confirmField,
  }),
  output: z.object({
    id: z.string(),
    affected: z.object({ deals: z.number(), activities: z.number(), tasks: z.number() }),
    ...confirmedShape,
  }),
  nameSubjects,
  async check({ id }, { store }: Pick<ToolContext<CrmStore>, "store">) {
    const { column } = await findRecord(store, id);
    const { contacts, deals } = await store.countDependents(column, id);
    if (column === "company_id") requireEmpty(id, contacts, deals);
  },
  async preview({ id }, { store }: Pick<ToolContext<CrmStore>, "store">) {
    const { column } = await findRecord(store, id);
    const { contacts: _none, ...counts } = await store.countDependents(column, id);
    const fields = previewRemoval("deleted; can be undone for 30 days", counts);
    if (column === "contact_id") return [previewContact(await requireContact(store, id), fields)];
    if (column === "deal_id") return [previewDeal(await requireDeal(store, id), fields)];
    return [previewCompany(await requireCompany(store, id), fields)];
  },
  async run({ id, confirm }, context: ToolContext<CrmStore>) {
    const { store, principal, now } = context;
    return await changeAsAgreed(context, confirm, async () => {
      const record = await findRecord(store, id);
      const print = await store.readDependents(record.column, [id]);
      const { contacts, ...affected } = await store.countDependents(record.column, id);
      if (record.table === "companies") requireEmpty(id, contacts, affected.deals);
      return {
        message: `Delete ${record.noun} ${id}? ${describe(affected)} It can be brought back for 30 days.`,
        about: print,
        shown: { id, affected },
        async make() {
          const changeId = makeId("chg");
          const change = store.journal.begin(changeId, { id }).requireDependents(record.column, [id], print);
          const summary = `${record.noun} ${id}`;
          const undoUntil = await record.plan(change, id).run("delete", summary, stampCall(principal, now));
          return undoUntil === undefined ? undefined : { change_id: changeId, undo_until: undoUntil };
        },
      };
    });
  },
});

function requireEmpty(id: string, contacts: number, deals: number): void {
  if (contacts + deals === 0) return;
  throw new ToolError("conflict", `Company ${id} still has ${contacts} contacts and ${deals} deals.`, {
    suggestedAction: "Move them to another company or delete them first.",
  });
}

async function findRecord(store: CrmStore, id: string) {
  const column: DeletableColumn = isId("con", id)
    ? "contact_id"
    : isId("deal", id)
      ? "deal_id"
      : "company_id";
  if (column === "contact_id") {
    await requireContact(store, id);
    return { noun: "contact", table: "contacts", column, plan: deleteContact } as const;
  }
  if (column === "deal_id") {
    await requireDeal(store, id);
    return { noun: "deal", table: "deals", column, plan: deleteDeal } as const;
  }
  await requireCompany(store, id);
  return { noun: "company", table: "companies", column, plan: deleteCompany } as const;
}

function describe({
  deals,
  activities,
  tasks,
}: {
  deals: number;
  activities: number;
  tasks: number;
}): string {
  return `It touches ${deals} deals, ${activities} activities and ${tasks} tasks.`;
}
