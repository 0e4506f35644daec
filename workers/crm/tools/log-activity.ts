import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { countDaysSince } from "../days.ts";
import { dayField, idempotencyField, idField, lineField, parseTime } from "../fields.ts";
import { makeId } from "../identifiers.ts";
import { nameSubjects } from "../name-subjects.ts";
import { resolveRecord } from "../record-owner.ts";
import { ACTIVITY_KINDS } from "../store/activities.ts";
import { describeWrite } from "../store/idempotency.ts";
import { stampCall } from "../store/stamp.ts";
import type { CrmStore } from "../store.ts";

const OLDEST_DAYS = 3650;
const HOUR = 3_600_000;

/** Records an activity with a customer. */
export const logActivity = defineTool({
  name: "crm_log_activity",
  title: "Log an activity",
  effect: "create",
  scope: "crm:write",
  description:
    "Logs a call, meeting, e-mail or note on a contact, company or deal, and so counts as touching them. Can add a follow-up task. A contact's or deal's company is found by itself.",
  input: z.object({
    kind: z.enum(ACTIVITY_KINDS).describe("What happened"),
    subject: lineField(200).describe("What it was about, in one line"),
    body: z.string().trim().max(5000).optional().describe("What was said or agreed"),
    occurred_at: z.string().max(40).optional().describe("ISO day or time with offset; default now"),
    contact_id: idField("con").optional(),
    company_id: idField("cmp").optional(),
    deal_id: idField("deal").optional(),
    follow_up: z
      .object({ title: lineField(200), due: dayField })
      .optional()
      .describe("Task that follows"),
    idempotency_key: idempotencyField.optional(),
  }),
  output: z.object({
    activity: z.object({
      id: z.string(),
      kind: z.enum(ACTIVITY_KINDS),
      subject: z.string(),
      occurred_at: z.string(),
      contact_id: z.string().nullable(),
      company_id: z.string().nullable(),
      deal_id: z.string().nullable(),
    }),
    follow_up_task_id: z.string().nullable(),
    replayed: z.boolean().describe("True: an earlier call with this key had logged it"),
  }),
  nameSubjects,
  async check(input, { store, now }: Pick<ToolContext<CrmStore>, "store" | "now">) {
    checkTime(input.occurred_at, now);
    await resolveRecord(store, input);
  },
  async run(input, { store, principal, context, now }: ToolContext<CrmStore>) {
    const { idempotency_key: key, follow_up: followUp, ...given } = input;
    const subject = await resolveRecord(store, given);
    const owner = followUp ? await store.owners.findByEmail(principal.email) : null;
    const { id, replayed } = await store.activities.log(
      {
        id: makeId("act"),
        kind: given.kind,
        subject: given.subject,
        body: given.body ?? null,
        occurred_at: checkTime(given.occurred_at, now),
        contact_id: subject.contactId,
        company_id: subject.company?.id ?? null,
        deal_id: given.deal_id ?? null,
      },
      followUp && { title: followUp.title, due_on: followUp.due, owner_id: owner?.id ?? subject.ownerId },
      stampCall(principal, now),
      key === undefined
        ? undefined
        : describeWrite(principal.userId, key, "crm_log_activity", {
            ...given,
            follow_up: followUp ? [followUp.title, followUp.due] : null,
          }),
    );
    const [activity, taskId] = await Promise.all([
      store.activities.get(id),
      store.activities.getFollowUp(id),
    ]);
    if (!activity)
      throw new ToolError("not_found", "The activity that this key logged has been deleted since.", {
        suggestedAction: "Use a new idempotency_key to make it again.",
      });
    if (subject.company) {
      context.remember({ type: "company", id: subject.company.id, label: subject.company.name });
    }
    const { created_by_name: _by, ...shown } = activity;
    return { activity: shown, follow_up_task_id: taskId, replayed };
  },
});

/**
 * The time of an activity, which must be in the past. A bare day may be tomorrow in UTC for users far in the
 * east, and clocks differ by minutes; within that tolerance the time becomes now.
 */
function checkTime(text: string | undefined, now: Date): string {
  if (text === undefined) return now.toISOString();
  const time = parseTime(text);
  const slack = text.length === "YYYY-MM-DD".length ? 14 * HOUR : HOUR / 12;
  if (Date.parse(time) > now.getTime() + slack) {
    throw new ToolError("invalid_input", "occurred_at lies in the future.", {
      suggestedAction: "Log what has happened; plan what is to come with follow_up.",
    });
  }
  if (countDaysSince(time, now) > OLDEST_DAYS) {
    throw new ToolError("invalid_input", "occurred_at lies more than ten years back.");
  }
  return time > now.toISOString() ? now.toISOString() : time;
}
