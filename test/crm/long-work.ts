import { runDurableObjectAlarm } from "cloudflare:test";
import { expect, vi } from "vitest";
import type { ImportStore } from "../../workers/crm/imports/imports.ts";
import type { BulkStore } from "../../workers/crm/store/bulk.ts";
import { openSession, type SessionOptions, type TestSession } from "../support/session.ts";
import { reachTask, readTask, runnerOf, stopRunner, TASKS } from "../support/tasks.ts";
import { countRows } from "./rows.ts";

/** What the tests of work on thousands of rows have in common. */

/** Opens a session with the CRM; its client takes tasks unless the options say otherwise. */
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

/** How many people of that family are on file. */
export const written = (family: string) => countRows("contacts WHERE last_name = ?", family);

/** The first answer of a call: a result, or a task that has begun. */
export async function callTool(session: TestSession, name: string, args: Record<string, unknown>) {
  return (await session.request("tools/call", { name, arguments: args })).result;
}

/** The result that a call comes to, whether it is a task or not. */
export async function finishCall(session: TestSession, name: string, args: Record<string, unknown>) {
  const answer = await callTool(session, name, args);
  return answer.resultType === "task" ? (await reachTask(session, answer.taskId)).result : answer;
}

/** The data of {@link finishCall}. */
export async function finish(session: TestSession, name: string, args: Record<string, unknown>) {
  return (await finishCall(session, name, args)).structuredContent;
}

/** Previews an import and begins to write it, as a task. */
export async function beginImport(session: TestSession, family: string, rows: number) {
  const args = { record: "contact", csv: makeFile(family, rows) };
  const shown = await finish(session, "crm_import_csv", args);
  expect(shown).toMatchObject({ create: rows, done: false });
  const confirmed = { ...args, confirm: shown.confirm };
  const task = await callTool(session, "crm_import_csv", confirmed);
  expect(task).toMatchObject({ resultType: "task", status: "working" });
  return { taskId: task.taskId as string, args: confirmed };
}

/** Lets something happen just before or just after the slices of these numbers, from 0; the slices are the real ones. */
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

/** Holds the work where it is until its object is stopped, as a crash would. */
export function holdUntilStopped(userId: string) {
  let held = 0;
  return {
    hold() {
      held += 1;
      return new Promise(() => {});
    },
    /** Waits for the hold of this number, stops the object, and lets the platform notice it at once. */
    async stop(number: number) {
      await vi.waitFor(() => expect(held).toBe(number), { timeout: 20_000, interval: 5 });
      await stopRunner(userId);
      // Over only when the work is, or is stopped once more.
      runDurableObjectAlarm(runnerOf(userId)).catch(() => {});
    },
  };
}

/** What a cancelled task says once it has said what stands. */
export async function readStanding(session: TestSession, taskId: string): Promise<string> {
  let said = "";
  await vi.waitFor(
    async () => {
      const task = await readTask(session, taskId);
      said = task.statusMessage;
      expect(task.status).toBe("cancelled");
      expect(said).not.toBe("Cancelled by the client.");
    },
    { timeout: 10_000, interval: 5 },
  );
  return said;
}
