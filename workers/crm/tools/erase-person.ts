import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { confirmChange, confirmedShape, confirmField, digestPreview } from "../confirm.ts";
import { idField } from "../fields.ts";
import { nameSubjects } from "../name-subjects.ts";
import { refuseUnknown } from "../refusals.ts";
import { stampCall } from "../store/stamp.ts";
import type { CrmStore } from "../store.ts";

/** Forgets a person (GDPR, article 17): unlike deleting, this cannot be undone. */
export const erasePerson = defineTool({
  name: "crm_erase_person",
  title: "Erase a person",
  effect: "delete",
  scope: "crm:delete",
  description:
    "Removes everything about one person for good, also when deleted before: contact, duplicates by e-mail, old versions, what was said, tasks, undo data. Reports what went. Asks the person, or gives a preview and takes confirm.",
  input: z.object({ contact_id: idField("con"), confirm: confirmField }),
  output: z.object({
    contact_ids: z.array(z.string()).describe("Entries of this person"),
    removed: z
      .object({
        contacts: z.number(),
        old_versions: z.number(),
        activities: z.number(),
        tasks: z.number(),
        deals_detached: z.number(),
        undo_images: z.number(),
        idempotency_keys: z.number(),
        kept_exports: z.number(),
      })
      .optional(),
    check_by_hand: z.string().describe("What no search by id can find"),
    done: confirmedShape.done,
    confirm: confirmedShape.confirm,
  }),
  nameSubjects,
  async run({ contact_id: id, confirm }, { store, principal, now, canAsk, ask }: ToolContext<CrmStore>) {
    const { contactIds, changeIds } = await store.findTraces(id);
    if (changeIds.length === 0 && !(await store.contacts.get(id))) throw refuseUnknown("contact", id);
    const byHand = "Names that people typed into subjects, notes and deal names of others.";
    const answer = { contact_ids: contactIds, check_by_hand: byHand };
    const digest = await digestPreview(["crm_erase_person", [...contactIds].sort(), [...changeIds].sort()]);
    const question = `Erase the person with the entries ${contactIds.join(", ")} for good? This cannot be undone.`;
    if (!(await confirmChange({ canAsk, ask }, question, digest, confirm))) {
      return { ...answer, done: false, confirm: digest };
    }
    const removed = await store.erasePerson(contactIds, changeIds, stampCall(principal, now));
    return { ...answer, removed, done: true };
  },
});
