import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { presentTask, taskShape } from "../answers.ts";
import { idField } from "../fields.ts";
import { refuseUnknown } from "../refusals.ts";
import type { CrmStore } from "../store.ts";

/** Marks a task as done. */
export const completeTask = defineTool({
  name: "crm_complete_task",
  title: "Complete a task",
  effect: "update",
  scope: "crm:write",
  idempotent: true,
  description: "Marks a task as done, or with done false as open again. What came of it: crm_log_activity.",
  input: z.object({
    task_id: idField("task"),
    done: z.boolean().default(true).describe("False opens it again"),
  }),
  output: z.object({
    task: taskShape,
    done: z.boolean(),
    changed: z.boolean().describe("False: it was so before"),
  }),
  async check({ task_id: id }, { store }: Pick<ToolContext<CrmStore>, "store">) {
    if (!(await store.tasks.get(id))) throw refuseUnknown("task", id);
  },
  async run({ task_id: id, done }, { store, now }: ToolContext<CrmStore>) {
    const changed = await store.tasks.setDone(id, done ? now.toISOString() : null);
    const task = await store.tasks.get(id);
    if (!task) throw refuseUnknown("task", id);
    return { task: presentTask(task, now), done: task.done_at !== null, changed };
  },
});
