import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import {
  confirmChange,
  confirmedShape,
  confirmField,
  digestPreview,
  refuseChangedPreview,
} from "../confirm.ts";
import { isId, makeId } from "../identifiers.ts";
import { nameSubjects } from "../name-subjects.ts";
import { requireCompany, requireContact, requireDeal } from "../refusals.ts";
import { type DeletableColumn, deleteCompany, deleteContact, deleteDeal } from "../store/deletions.ts";
import { stampCall } from "../store/stamp.ts";
import type { CrmStore } from "../store.ts";

/** Deletes one record in a way that can be undone. */
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
  async run({ id, confirm }, { store, principal, now, canAsk, ask }: ToolContext<CrmStore>) {
    const record = await findRecord(store, id);
    const { contacts, ...affected } = await store.countDependents(record.column, id);
    if (record.table === "companies" && contacts + affected.deals > 0) {
      throw new ToolError(
        "conflict",
        `Company ${id} still has ${contacts} contacts and ${affected.deals} deals.`,
        {
          suggestedAction: "Move them to another company or delete them first.",
        },
      );
    }
    const digest = await digestPreview(["crm_delete_record", id, record.version]);
    const question = `Delete ${record.noun} ${id}? ${describe(affected)} It can be brought back for 30 days.`;
    if (!(await confirmChange({ canAsk, ask }, question, digest, confirm))) {
      return { id, affected, done: false, confirm: digest };
    }
    const changeId = makeId("chg");
    const change = store.journal.begin(changeId).requireVersion(record.table, id, record.version);
    const summary = `${record.noun} ${id}`;
    const undoUntil = await record.plan(change, id).run("delete", summary, stampCall(principal, now));
    if (undoUntil === undefined) throw refuseChangedPreview();
    return { id, affected, done: true, change_id: changeId, undo_until: undoUntil };
  },
});

async function findRecord(store: CrmStore, id: string) {
  const column: DeletableColumn = isId("con", id)
    ? "contact_id"
    : isId("deal", id)
      ? "deal_id"
      : "company_id";
  if (column === "contact_id") {
    const { version } = await requireContact(store, id);
    return { noun: "contact", table: "contacts", column, version, plan: deleteContact } as const;
  }
  if (column === "deal_id") {
    const { version } = await requireDeal(store, id);
    return { noun: "deal", table: "deals", column, version, plan: deleteDeal } as const;
  }
  const { version } = await requireCompany(store, id);
  return { noun: "company", table: "companies", column, version, plan: deleteCompany } as const;
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
