import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { presentTask, taskShape } from "../answers.ts";
import { subtractDays, toDay } from "../days.ts";
import { cursorField, idField, limitField, ownerField } from "../fields.ts";
import { requireCompany } from "../refusals.ts";
import { resolveOwner } from "../resolve.ts";
import type { TaskPosition } from "../store/tasks.ts";
import type { CrmStore } from "../store.ts";

const position: z.ZodType<TaskPosition> = z.object({
  due: z.string().max(10),
  seq: z.number().int().min(0),
});

/** Lists open tasks. */
export const listTasks = defineTool({
  name: "crm_list_tasks",
  title: "List open tasks",
  effect: "read",
  scope: "crm:read",
  description: "Lists open tasks and follow-ups, the most urgent first.",
  input: z.object({
    owner: ownerField.optional(),
    company_id: idField("cmp").optional(),
    due: z
      .enum(["overdue", "today", "week", "any"])
      .default("any")
      .describe("week: overdue or due within 7 days"),
    limit: limitField,
    cursor: cursorField.optional(),
  }),
  inherits: ["owner"],
  output: z.object({ tasks: z.array(taskShape), next_cursor: z.string().optional() }),
  overflow: "tasks",
  async run(input, { store, principal, now, cursors }: ToolContext<CrmStore>) {
    const owner = await resolveOwner(store, principal, input.owner);
    const today = toDay(now);
    const days = {
      overdue: { dueTo: toDay(subtractDays(now, 1)) },
      today: { dueFrom: today, dueTo: today },
      week: { dueTo: toDay(subtractDays(now, -7)) },
      any: {},
    }[input.due];
    const pages = cursors(["tasks", owner?.id ?? "", input.company_id ?? "", input.due], position);
    const page = await store.tasks.listOpen(
      { ownerId: owner?.id, companyId: input.company_id, ...days },
      input.limit,
      await pages.read(input.cursor),
    );
    if (page.rows.length === 0 && input.company_id !== undefined)
      await requireCompany(store, input.company_id);
    return {
      tasks: page.rows.map((row) => presentTask(row, now)),
      next_cursor: await pages.write(page.next),
    };
  },
});
