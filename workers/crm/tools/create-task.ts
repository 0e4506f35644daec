import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { presentTask, taskShape } from "../answers.ts";
import { dayField, idempotencyField, idField, lineField, ownerField } from "../fields.ts";
import { makeId } from "../identifiers.ts";
import { nameSubjects } from "../name-subjects.ts";
import { resolveRecord } from "../record-owner.ts";
import { requireMade } from "../refusals.ts";
import { resolveOwner } from "../resolve.ts";
import { describeWrite } from "../store/idempotency.ts";
import { stampCall } from "../store/stamp.ts";
import type { CrmStore } from "../store.ts";

/** Adds a task. */
export const createTask = defineTool({
  name: "crm_create_task",
  title: "Create a task",
  effect: "create",
  scope: "crm:write",
  description: "Adds a task with its day, on a contact, company or deal. Done: crm_complete_task.",
  input: z.object({
    title: lineField(200).describe("What to do"),
    due: dayField,
    contact_id: idField("con").optional(),
    company_id: idField("cmp").optional(),
    deal_id: idField("deal").optional(),
    owner: ownerField.optional().describe("Default: you, if you own customers, else the customer's owner"),
    idempotency_key: idempotencyField.optional(),
  }),
  output: z.object({ task: taskShape, replayed: z.boolean() }),
  nameSubjects,
  async check(input, { store, principal }: Pick<ToolContext<CrmStore>, "store" | "principal">) {
    await resolveRecord(store, input);
    await resolveOwner(store, principal, input.owner);
  },
  async run(input, { store, principal, now }: ToolContext<CrmStore>) {
    const { idempotency_key: key, owner: ownerName, ...given } = input;
    const subject = await resolveRecord(store, given);
    const owner =
      ownerName === undefined
        ? await store.owners.findByEmail(principal.email)
        : await resolveOwner(store, principal, ownerName);
    const made = await store.tasks.create(
      {
        id: makeId("task"),
        title: given.title,
        due_on: given.due,
        owner_id: owner?.id ?? subject.ownerId,
        company_id: subject.company?.id ?? null,
        contact_id: subject.contactId,
        deal_id: given.deal_id ?? null,
      },
      stampCall(principal, now),
      key === undefined
        ? undefined
        : describeWrite(principal.userId, key, "crm_create_task", { ...given, owner: ownerName }),
    );
    const task = requireMade(await store.tasks.get(made.id), "task");
    return { task: presentTask(task, now), replayed: made.replayed };
  },
});
