import { z } from "zod";
import { defineEvent, type EventContext } from "../../../shared/server/define-event.ts";
import { subtractDays, toDay } from "../days.ts";
import { ownerField } from "../fields.ts";
import { resolveOwner } from "../resolve.ts";
import type { DuePlace } from "../store/happenings.ts";
import type { CrmStore } from "../store.ts";

const place: z.ZodType<DuePlace> = z.object({ dueOn: z.string().max(10), seq: z.number().min(0) });

/** A task was not done by its day. */
export const taskOverdue = defineEvent({
  name: "crm_task_overdue",
  title: "Task overdue",
  description: "The day of an open task is over. crm_list_tasks has all of them, crm_complete_task ends one.",
  scope: "crm:read",
  input: z.object({ owner: ownerField.optional() }),
  payload: z.object({
    task_id: z.string(),
    title: z.string(),
    due_on: z.string(),
    owner: z.string().nullable(),
    company_id: z.string().nullable(),
    company: z.string().nullable(),
    deal_id: z.string().nullable(),
  }),
  async read({ arguments: input, after, limit }, { store, principal, now }: EventContext<CrmStore>) {
    const owner = await resolveOwner(store, principal, input.owner);
    const today = toDay(now);
    const start = JSON.stringify({ dueOn: toDay(subtractDays(now, 1)), seq: Number.MAX_SAFE_INTEGER });
    if (after === null) return { events: [], position: start, more: false };
    const filter = { before: today, owner: owner?.email ?? null };
    const rows = await store.happenings.overdueTasks(place.parse(JSON.parse(after)), filter, limit);
    const last = rows.length === limit ? rows.at(-1) : undefined;
    return {
      events: rows.map((row) => ({
        id: `${row.id}.${row.dueOn}`,
        at: `${addDay(row.dueOn)}T00:00:00.000Z`,
        position: JSON.stringify({ dueOn: row.dueOn, seq: row.seq }),
        data: {
          task_id: row.id,
          title: row.title,
          due_on: row.dueOn,
          owner: row.owner,
          company_id: row.companyId,
          company: row.company,
          deal_id: row.dealId,
        },
      })),
      position: last ? JSON.stringify({ dueOn: last.dueOn, seq: last.seq }) : start,
      more: last !== undefined,
    };
  },
});

function addDay(day: string): string {
  return toDay(subtractDays(new Date(`${day}T00:00:00Z`), -1));
}
