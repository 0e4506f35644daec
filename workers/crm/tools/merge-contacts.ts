import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { contactShape, presentContact } from "../answers.ts";
import { changeAsAgreed, confirmedShape, confirmField } from "../changes/confirm.ts";
import { previewContact, previewFields, previewRemoval } from "../changes/preview.ts";
import { mergeFields } from "../duplicates.ts";
import { idField } from "../fields.ts";
import { makeId } from "../identifiers.ts";
import { nameSubjects } from "../name-subjects.ts";
import { requireContact } from "../refusals.ts";
import { mergeContacts as planMerge } from "../store/duplicates.ts";
import { stampCall } from "../store/stamp.ts";
import type { CrmStore } from "../store.ts";

/** Merges two contacts reversibly. */
export const mergeContacts = defineTool({
  name: "crm_merge_contacts",
  title: "Merge two contacts",
  effect: "update",
  scope: "crm:write",
  description:
    "Makes one contact of two: the kept one's values win, the duplicate fills gaps and hands over deals, activities and tasks. Shows the result first, then asks the person or takes confirm. crm_undo_change takes it back.",
  input: z.object({
    keep_id: idField("con").describe("Contact that stays"),
    duplicate_id: idField("con").describe("Contact that goes into it"),
    confirm: confirmField,
  }),
  output: z.object({
    merged: contactShape.omit({ company: true, owner: true, version: true }),
    moved: z.object({ deals: z.number(), activities: z.number(), tasks: z.number() }),
    ...confirmedShape,
  }),
  nameSubjects,
  async check({ keep_id: keep, duplicate_id: duplicate }, { store }: Pick<ToolContext<CrmStore>, "store">) {
    if (keep === duplicate) throw new ToolError("invalid_input", "Name two different contacts.");
    await Promise.all([requireContact(store, keep), requireContact(store, duplicate)]);
  },
  async preview(
    { keep_id: keepId, duplicate_id: duplicateId },
    { store }: Pick<ToolContext<CrmStore>, "store">,
  ) {
    const [kept, duplicate] = await Promise.all([
      requireContact(store, keepId),
      requireContact(store, duplicateId),
    ]);
    const { title, email, phone, company_id } = mergeFields(kept, duplicate);
    const { contacts: _none, ...counts } = await store.countDependents("contact_id", duplicateId);
    return [
      previewContact(kept, previewFields({ title, email, phone, company_id }, { ...kept }, "pii")),
      previewContact(duplicate, previewRemoval(`part of ${keepId}`, counts)),
    ];
  },
  async run(input, context: ToolContext<CrmStore>) {
    const { keep_id: keepId, duplicate_id: duplicateId, confirm } = input;
    const { store, principal, now } = context;
    if (keepId === duplicateId) throw new ToolError("invalid_input", "Name two different contacts.");
    const ids = [keepId, duplicateId];
    return await changeAsAgreed(context, confirm, async () => {
      const print = await store.readDependents("contact_id", ids);
      const [kept, duplicate] = await Promise.all(ids.map((id) => requireContact(store, id)));
      if (!kept || !duplicate) throw new TypeError("Two contacts were read.");
      const fields = mergeFields(kept, duplicate);
      const {
        company: _company,
        owner: _owner,
        version: _v,
        ...merged
      } = presentContact({ ...kept, ...fields });
      const { contacts: _none, ...moved } = await store.countDependents("contact_id", duplicateId);
      const message = [
        `Merge contact ${duplicateId} into ${keepId}?`,
        `The merged contact: ${[merged.name, merged.title, merged.email, merged.phone].filter(Boolean).join(", ")}.`,
        `${moved.deals} deals, ${moved.activities} activities and ${moved.tasks} tasks move. It can be undone for 30 days.`,
      ].join(" ");
      return {
        ...{ message, about: print, shown: { merged, moved } },
        async make() {
          const changeId = makeId("chg");
          const stamp = stampCall(principal, now);
          const change = store.journal
            .begin(changeId, { keep_id: keepId, duplicate_id: duplicateId })
            .requireDependents("contact_id", ids, print);
          const summary = `contact ${duplicateId} into ${keepId}`;
          const merge = planMerge(change, keepId, duplicateId, fields, stamp);
          const undoUntil = await merge.run("merge", summary, stamp);
          return undoUntil === undefined ? undefined : { change_id: changeId, undo_until: undoUntil };
        },
      };
    });
  },
});
