import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { TaskRunner } from "../../workers/objects/tasks/task-runner.ts";
import type { TestSession } from "./session.ts";
import { until } from "./until.ts";

/** Capabilities of a client that supports tasks. */
export const TASKS = { extensions: { "io.modelcontextprotocol/tasks": {} } };

/** Final states of a task. */
const OVER = ["completed", "failed", "cancelled"];

/** The object that runs a user's tasks. */
export function runnerOf(userId: string): DurableObjectStub<TaskRunner> {
  return env.TASK_RUNNER.get(env.TASK_RUNNER.idFromName(userId));
}

/** A task as its client sees it. */
export async function readTask(session: TestSession, taskId: string) {
  return (await session.request("tasks/get", { taskId })).result;
}

/** A task once it is in one of these states; without any, once it has ended. */
export async function reachTask(session: TestSession, taskId: string, states: readonly string[] = OVER) {
  let task: Awaited<ReturnType<typeof readTask>>;
  await until(async () => {
    task = await readTask(session, taskId);
    expect(states).toContain(task.status);
  });
  return task;
}

/** Stops the object that runs a user's tasks, as a crash would. Its next alarm continues. */
export async function stopRunner(userId: string): Promise<void> {
  const abort = (_runner: TaskRunner, state: DurableObjectState) => state.abort("stopped");
  await expect(runInDurableObject(runnerOf(userId), abort)).rejects.toThrow();
}

/** Cancels the one task that a user's object runs, as their client would. */
export async function cancelRunning(session: TestSession, userId: string): Promise<void> {
  const taskId = await runInDurableObject(runnerOf(userId), (_runner: TaskRunner, state) => {
    const query = "SELECT sealed_id AS id FROM tasks WHERE status = 'working'";
    return state.storage.sql.exec<{ id: string }>(query).one().id;
  });
  expect((await session.request("tasks/cancel", { taskId })).error).toBeUndefined();
}
