import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { contactShape, presentContact } from "../answers.ts";
import {
  confirmChange,
  confirmedShape,
  confirmField,
  digestPreview,
  refuseChangedPreview,
} from "../confirm.ts";
import { mergeFields } from "../duplicates.ts";
import { idField } from "../fields.ts";
import { makeId } from "../identifiers.ts";
import { nameSubjects } from "../name-subjects.ts";
import { requireContact } from "../refusals.ts";
import { mergeContacts as planMerge } from "../store/duplicates.ts";
import { stampCall } from "../store/stamp.ts";
import type { CrmStore } from "../store.ts";

/** Makes one contact of two in a way that can be undone. */
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
  async run(input, { store, principal, now, canAsk, ask }: ToolContext<CrmStore>) {
    const { keep_id: keepId, duplicate_id: duplicateId, confirm } = input;
    if (keepId === duplicateId) throw new ToolError("invalid_input", "Name two different contacts.");
    const [kept, duplicate] = await Promise.all([
      requireContact(store, keepId),
      requireContact(store, duplicateId),
    ]);
    const fields = mergeFields(kept, duplicate);
    const {
      company: _company,
      owner: _owner,
      version: _v,
      ...merged
    } = presentContact({ ...kept, ...fields });
    const { contacts: _none, ...moved } = await store.countDependents("contact_id", duplicateId);
    const answer = { merged, moved };
    const digest = await digestPreview([
      "crm_merge_contacts",
      [keepId, kept.version],
      [duplicateId, duplicate.version],
    ]);
    const question = [
      `Merge contact ${duplicateId} into ${keepId}?`,
      `The merged contact: ${[merged.name, merged.title, merged.email, merged.phone].filter(Boolean).join(", ")}.`,
      `${moved.deals} deals, ${moved.activities} activities and ${moved.tasks} tasks move. It can be undone for 30 days.`,
    ].join(" ");
    if (!(await confirmChange({ canAsk, ask }, question, digest, confirm))) {
      return { ...answer, done: false, confirm: digest };
    }
    const changeId = makeId("chg");
    const stamp = stampCall(principal, now);
    const change = store.journal
      .begin(changeId)
      .requireVersion("contacts", keepId, kept.version)
      .requireVersion("contacts", duplicateId, duplicate.version);
    const summary = `contact ${duplicateId} into ${keepId}`;
    const undoUntil = await planMerge(change, keepId, duplicateId, fields, stamp).run(
      "merge",
      summary,
      stamp,
    );
    if (undoUntil === undefined) throw refuseChangedPreview();
    return { ...answer, done: true, change_id: changeId, undo_until: undoUntil };
  },
});
