import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { changeAsAgreed, confirmedShape, confirmField } from "../changes/confirm.ts";
import { previewContact, previewRemoval } from "../changes/preview.ts";
import { idField } from "../fields.ts";
import { nameSubjects } from "../name-subjects.ts";
import { refuseUnknown } from "../refusals.ts";
import { stampCall } from "../store/stamp.ts";
import type { CrmStore } from "../store.ts";

/** Erases a person (GDPR, article 17): unlike a deletion, this cannot be undone. */
export const erasePerson = defineTool({
  name: "crm_erase_person",
  title: "Erase a person",
  effect: "delete",
  scope: "crm:delete",
  description:
    "Removes everything about one person permanently, also when deleted before: contact, duplicates by e-mail, old versions, what was said, tasks, undo data. Reports what went. Asks the person, or gives a preview and takes confirm.",
  input: z.object({ contact_id: idField("con"), confirm: confirmField }),
  output: z.object({
    contact_ids: z.array(z.string()).describe("Entries of this person"),
    affected: z.object({ deals: z.number(), activities: z.number(), tasks: z.number() }),
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
  async check({ contact_id: id }, { store }: Pick<ToolContext<CrmStore>, "store">) {
    await requireTraces(store, id);
  },
  async preview({ contact_id: id }, { store }: Pick<ToolContext<CrmStore>, "store">) {
    const { contactIds } = await requireTraces(store, id);
    const contacts = await store.contacts.getMany(contactIds);
    return await Promise.all(
      contacts.map(async (contact) => {
        const { contacts: _none, ...counts } = await store.countDependents("contact_id", contact.id);
        return previewContact(contact, previewRemoval("erased for ever", counts));
      }),
    );
  },
  async run({ contact_id: id, confirm }, context: ToolContext<CrmStore>) {
    const { store, principal, now } = context;
    return await changeAsAgreed(context, confirm, async () => {
      const traces = await requireTraces(store, id);
      const { contactIds, changeIds, print } = traces;
      const affected = await countAll(store, contactIds);
      const shown = {
        contact_ids: contactIds,
        affected,
        check_by_hand: "Names that people typed into subjects, notes and deal names of others.",
      };
      return {
        message: [
          `Erase the person with the entries ${contactIds.join(", ")}?`,
          `${affected.activities} activities and ${affected.tasks} tasks go, ${affected.deals} deals lose their contact.`,
          "This cannot be undone.",
        ].join(" "),
        about: [contactIds, changeIds, print],
        shown,
        async make() {
          const removed = await store.erasePerson(traces, stampCall(principal, now));
          return removed === null ? undefined : { removed };
        },
      };
    });
  },
});

/** What hangs on all entries of a person. */
async function countAll(store: CrmStore, ids: readonly string[]) {
  const all = await Promise.all(ids.map((id) => store.countDependents("contact_id", id)));
  const sum = (count: "deals" | "activities" | "tasks") =>
    all.reduce((total, counts) => total + counts[count], 0);
  return { deals: sum("deals"), activities: sum("activities"), tasks: sum("tasks") };
}

async function requireTraces(store: CrmStore, id: string) {
  const traces = await store.findTraces(id);
  if (traces.changeIds.length === 0 && !(await store.contacts.get(id))) throw refuseUnknown("contact", id);
  return traces;
}
