import { runDurableObjectAlarm } from "cloudflare:test";
import { expect, vi } from "vitest";
import type { ImportStore } from "../../workers/crm/imports/imports.ts";
import type { BulkStore } from "../../workers/crm/store/bulk.ts";
import { openSession, type SessionOptions, type TestSession } from "../support/session.ts";
import { reachTask, readTask, runnerOf, stopRunner, TASKS } from "../support/tasks.ts";
import { until } from "../support/until.ts";
import { countRows } from "./rows.ts";

/** Shared functions of the tests with thousands of rows. */

/** Opens a session with the CRM; its client supports tasks unless the options say otherwise. */
export const open = (options: Partial<SessionOptions> = {}) =>
  openSession({ server: "crm", lane: "stateless", capabilities: TASKS, ...options });

/** A file of people with one family name, so that a test finds its own. */
export function makeFile(family: string, rows: number): string {
  const lines = Array.from(
    { length: rows },
    (_, index) => `Paul,${family},${family.toLowerCase()}${index}@long.example`,
  );
  return ["First name,Last name,Email", ...lines].join("\n");
}

/** Number of stored people of that family. */
export const written = (family: string) => countRows("contacts WHERE last_name = ?", family);

/** The first answer of a call: a result, or a started task. */
export async function callTool(session: TestSession, name: string, args: Record<string, unknown>) {
  return (await session.request("tools/call", { name, arguments: args })).result;
}

/** The final result of a call, with or without a task. */
export async function finishCall(session: TestSession, name: string, args: Record<string, unknown>) {
  const answer = await callTool(session, name, args);
  return answer.resultType === "task" ? (await reachTask(session, answer.taskId)).result : answer;
}

/** The data of {@link finishCall}. */
export async function finish(session: TestSession, name: string, args: Record<string, unknown>) {
  return (await finishCall(session, name, args)).structuredContent;
}

/** Previews an import and starts it as a task. */
export async function beginImport(session: TestSession, family: string, rows: number) {
  const args = { record: "contact", csv: makeFile(family, rows) };
  const shown = await finish(session, "crm_import_csv", args);
  expect(shown).toMatchObject({ create: rows, done: false });
  const confirmed = { ...args, confirm: shown.confirm };
  const task = await callTool(session, "crm_import_csv", confirmed);
  expect(task).toMatchObject({ resultType: "task", status: "working" });
  return { taskId: task.taskId as string, args: confirmed };
}

/**
 * Runs functions just before or just after the slices with these numbers, from 0; the slices are the real
 * ones.
 */
export function atSlice(
  store: typeof ImportStore | typeof BulkStore,
  act: { before?: Record<number, () => unknown>; after?: Record<number, () => unknown> },
): void {
  const target = store.prototype as { runSlice(...given: unknown[]): Promise<unknown> };
  const real = target.runSlice;
  let slice = 0;
  vi.spyOn(target, "runSlice").mockImplementation(async function (this: unknown, ...given) {
    const number = slice++;
    await act.before?.[number]?.();
    const outcome = await real.apply(this, given);
    await act.after?.[number]?.();
    return outcome;
  });
}

/** Blocks the work until its object is stopped, as a crash would. */
export function holdUntilStopped(userId: string) {
  let held = 0;
  return {
    hold() {
      held += 1;
      return new Promise(() => {});
    },
    /** Waits for the hold with this number, stops the object, and runs its alarm at once. */
    async stop(number: number) {
      await until(() => expect(held).toBe(number));
      await stopRunner(userId);
      // Resolves only when the work ends, or is stopped again.
      runDurableObjectAlarm(runnerOf(userId)).catch(() => {});
    },
  };
}

/** The final message of a cancelled task, once it has reported its progress. */
export async function readStanding(session: TestSession, taskId: string): Promise<string> {
  let said = "";
  await until(async () => {
    const task = await readTask(session, taskId);
    said = task.statusMessage;
    expect(task.status).toBe("cancelled");
    expect(said).not.toBe("Cancelled by the client.");
  });
  return said;
}
