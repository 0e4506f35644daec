import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ImportStore } from "../../workers/crm/imports/imports.ts";
import type { TaskRunner } from "../../workers/objects/tasks/task-runner.ts";
import { cancelRunning, reachTask, runnerOf, TASKS } from "../support/tasks.ts";
import { until } from "../support/until.ts";
import {
  atSlice,
  beginImport,
  callTool,
  finish,
  finishCall,
  holdUntilStopped,
  makeFile,
  open,
  readStanding,
  written,
} from "./long-work.ts";
import { countRows } from "./rows.ts";

afterEach(() => vi.restoreAllMocks());

// Thousands of rows a test.
vi.setConfig({ testTimeout: 60_000 });

describe("a large import as a task", () => {
  it("is durable before the reply: it continues when everything stops right after the answer", async () => {
    const session = await open({ as: "durable" });
    const { taskId } = await beginImport(session, "Durable", 5_500);
    await evictDurableObject(runnerOf("user_durable"));
    await runDurableObjectAlarm(runnerOf("user_durable"));
    const { result } = await reachTask(session, taskId);
    expect(result.structuredContent).toMatchObject({ done: true, written: 5_500, remaining: 0 });
    expect(await written("Durable")).toBe(5_500);
  });

  it("imports each row once when its object is stopped in the middle, again and again", async () => {
    const session = await open({ as: "broken" });
    const crash = holdUntilStopped("user_broken");
    // Once after a slice is written and before the client is told, and once before a slice is written.
    atSlice(ImportStore, { after: { 1: crash.hold }, before: { 4: crash.hold } });
    const { taskId } = await beginImport(session, "Broken", 8_000);
    await crash.stop(1);
    await crash.stop(2);
    const { result } = await reachTask(session, taskId);
    expect(result.structuredContent).toMatchObject({ written: 8_000, remaining: 0, problems: [] });
    expect(await written("Broken")).toBe(8_000);
    expect(await countRows("contacts WHERE last_name = 'Broken' AND version > 1")).toBe(0);
  });

  it("stops when it is cancelled, reports the imported rows, and these can be undone", async () => {
    const session = await open({ as: "stopper" });
    atSlice(ImportStore, { after: { 2: () => cancelRunning(session, "user_stopper") } });
    const { taskId, args } = await beginImport(session, "Stopper", 9_000);
    const said = await readStanding(session, taskId);
    const rows = await written("Stopper");
    expect(rows).toBe(3_000);
    expect(said).toMatch(
      /^Cancelled by the client\. 3000 of 9000 contacts were written and stay; crm_undo_change/,
    );
    // Neither the task nor its plan continues.
    await runDurableObjectAlarm(runnerOf("user_stopper"));
    const more = await session.call("crm_import_csv", args);
    expect(more.error).toMatchObject({ code: "conflict" });
    expect(await written("Stopper")).toBe(rows);
    // The same file again: imported rows are recognised.
    const again = await finish(session, "crm_import_csv", { record: "contact", csv: args.csv });
    expect(again).toMatchObject({ done: false, skip: 3_000, create: 6_000 });
    const [, changeId = ""] = /change_id (chg_\w+)/.exec(said) ?? [];
    expect(await finish(session, "crm_undo_change", { change_id: changeId })).toMatchObject({ rows });
    expect(await written("Stopper")).toBe(0);
  });

  it("writes nothing more after its report, not even a slice that was in progress", async () => {
    const session = await open({ as: "late" });
    let outcome: unknown;
    const target = ImportStore.prototype;
    const real = target.runSlice;
    let slice = 0;
    vi.spyOn(target, "runSlice").mockImplementation(async function (this: ImportStore, ...given) {
      if (slice++ !== 1) return real.apply(this, given);
      await cancelRunning(session, "user_late");
      // The batch is delayed: the report is complete by then.
      await until(async () => {
        const stopped = "plans WHERE user_id = 'user_late' AND stopped_at IS NOT NULL";
        expect(await countRows(stopped)).toBe(1);
      });
      outcome = await real.apply(this, given);
      return "moved";
    });
    const { taskId } = await beginImport(session, "Late", 6_000);
    expect(await readStanding(session, taskId)).toContain("1000 of 6000 contacts were written and stay");
    await until(() => expect(outcome).toBe("moved"));
    expect(await written("Late")).toBe(1_000);
  });

  it("asks in the middle of its work, and does exactly what was shown", async () => {
    const session = await open({ as: "asked", capabilities: { ...TASKS, elicitation: {} } });
    const args = { record: "contact", csv: `${makeFile("Asked", 5_200)}\nPaul,Broken,no address` };
    const answerWith = async (content: object | undefined | null) => {
      const { taskId } = await callTool(session, "crm_import_csv", args);
      const { inputRequests } = await reachTask(session, taskId, ["input_required"]);
      const [[key, question] = ["", undefined]] = Object.entries(inputRequests) as [string, unknown][];
      expect(JSON.stringify(question)).toContain("Import 5200 new contact records and change 0?");
      expect(await written("Asked")).toBe(0);
      if (content === null) {
        await session.request("tasks/cancel", { taskId });
        return readStanding(session, taskId);
      }
      const inputResponses = {
        [key]: content ? { action: "accept", content } : { action: "decline" },
      };
      await session.request("tasks/update", { taskId, inputResponses });
      return (await reachTask(session, taskId)).result;
    };
    const refused = await answerWith(undefined);
    expect(refused.isError).toBe(true);
    expect(refused.content[0].text).toContain("nothing was changed");
    expect(await written("Asked")).toBe(0);
    expect(await answerWith(null)).toBe("Cancelled by the client. Nothing was written.");
    const { structuredContent } = await answerWith({ agree: true });
    expect(structuredContent).toMatchObject({ done: true, written: 5_200, problems: [{ row: 5_202 }] });
    expect(await written("Asked")).toBe(5_200);
  });

  it("is invisible to a colleague, who can neither read nor cancel it", async () => {
    const session = await open({ as: "owner" });
    const { taskId } = await beginImport(session, "Owned", 5_100);
    const bob = await open({ as: "bob" });
    for (const method of ["tasks/get", "tasks/cancel"]) {
      expect((await bob.request(method, { taskId })).error?.code).toBe(-32602);
    }
    expect((await reachTask(session, taskId)).status).toBe("completed");
    expect(await written("Owned")).toBe(5_100);
  });

  it("stores every row's problem, behind a handle when they are many", async () => {
    const session = await open({ as: "faulty" });
    const lines = Array.from({ length: 5_400 }, (_, index) => `Paul,Faulty,no-address-${index}`);
    const csv = ["First name,Last name,Email", ...lines, "Paul,Faulty,good@faulty.example"].join("\n");
    const shown = await finish(session, "crm_import_csv", { record: "contact", csv });
    expect(shown).toMatchObject({ rows: 5_401, create: 1, more: { total: 5_400 } });
    const page = await session.call("context_get", { handle: shown.more.handle, offset: 5_399 });
    expect(JSON.stringify(page.data)).toContain("5401");
  });
});

describe("two calls about one import", () => {
  it("that run concurrently import each row once, whichever begins", async () => {
    const session = await open({ as: "twins" });
    const args = { record: "contact", csv: makeFile("Twins", 5_200) };
    const plans = [
      await finish(session, "crm_import_csv", args),
      await finish(session, "crm_import_csv", args),
    ];
    const runs = plans.map(({ confirm }) => finishCall(session, "crm_import_csv", { ...args, confirm }));
    const answers = await Promise.all(runs);
    expect(await written("Twins")).toBe(5_200);
    const done = answers.filter(({ structuredContent }) => structuredContent?.remaining === 0);
    expect(done.length).toBeGreaterThan(0);
    for (const answer of answers) {
      // The later call finds the other's import, or gets an error to check again.
      if (answer.isError) expect(answer.content[0].text).toContain("Another call has begun");
      else expect(answer.structuredContent.written).toBeLessThanOrEqual(5_200);
    }
    const again = await finish(session, "crm_import_csv", args);
    expect(again).toMatchObject({ replayed: true, written: 5_200 });
  });

  it("of which one undoes it stop each other: nothing stays, and nothing more is written", async () => {
    const session = await open({ as: "taker" });
    let undone: unknown;
    atSlice(ImportStore, {
      after: {
        2: async () => {
          const { results } = await env.CRM_DB.prepare(
            "SELECT change_id FROM plans WHERE user_id = 'user_taker' AND done > 0",
          ).all<{ change_id: string }>();
          const { data } = await session.call("crm_undo_change", { change_id: results[0]?.change_id });
          undone = data;
        },
      },
    });
    const { taskId } = await beginImport(session, "Taken", 6_000);
    const { result } = await reachTask(session, taskId);
    expect(undone).toMatchObject({ rows: 3_000 });
    expect(result.isError).toBe(true);
    expect(result.content[0].text).toContain("was cancelled or taken back");
    expect(await written("Taken")).toBe(0);
  });
});

describe("records of a task", () => {
  it("do not keep the file once the work is over", async () => {
    const session = await open({ as: "tidy" });
    const { taskId } = await beginImport(session, "Tidy", 5_050);
    await reachTask(session, taskId);
    await runInDurableObject(runnerOf("user_tidy"), (_runner: TaskRunner, state) => {
      expect(state.storage.sql.exec("SELECT 1 FROM task_texts").toArray()).toEqual([]);
    });
  });
});
