import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { BulkStore } from "../../workers/crm/store/bulk.ts";
import { ImportStore } from "../../workers/crm/store/imports.ts";
import type { TaskRunner } from "../../workers/gateway/tasks/task-runner.ts";
import { startCall } from "../support/approvals.ts";
import { LANES, openSession, type SessionOptions, type TestSession } from "../support/session.ts";

const TASKS = { extensions: { "io.modelcontextprotocol/tasks": {} } };
const ASKED = { ...TASKS, elicitation: {} };
const OVER = ["completed", "failed", "cancelled"];

const count = (sql: string, ...values: string[]) =>
  env.CRM_DB.prepare(`SELECT count(*) AS n FROM ${sql}`)
    .bind(...values)
    .first<number>("n");

const open = (options: Partial<SessionOptions> = {}) =>
  openSession({ server: "crm", lane: "stateless", capabilities: TASKS, ...options });

const runnerOf = (userId: string) => env.TASK_RUNNER.get(env.TASK_RUNNER.idFromName(userId));

/** People of one family name, so that a test finds its own. */
function makeFile(family: string, rows: number): string {
  const lines = Array.from(
    { length: rows },
    (_, index) => `Paul,${family},${family.toLowerCase()}${index}@long.example`,
  );
  return ["First name,Last name,Email", ...lines].join("\n");
}

async function callTool(session: TestSession, name: string, args: Record<string, unknown>) {
  return (await session.request("tools/call", { name, arguments: args })).result;
}

const get = async (session: TestSession, taskId: string) =>
  (await session.request("tasks/get", { taskId })).result;

/** The task once it is in one of these states. */
async function reach(session: TestSession, taskId: string, states: readonly string[]) {
  let task: Awaited<ReturnType<typeof get>>;
  await vi.waitFor(
    async () => {
      task = await get(session, taskId);
      expect(states).toContain(task.status);
    },
    { timeout: 30_000, interval: 20 },
  );
  return task;
}

/** What a call gives in the end, whether it is a task or not. */
async function finish(session: TestSession, name: string, args: Record<string, unknown>) {
  const answer = await callTool(session, name, args);
  if (answer.resultType !== "task") return answer.structuredContent;
  return (await reach(session, answer.taskId, OVER)).result.structuredContent;
}

/** Previews an import and begins to write it, as a task. */
async function beginImport(session: TestSession, family: string, rows: number) {
  const args = { record: "contact", csv: makeFile(family, rows) };
  const shown = await finish(session, "crm_import_csv", args);
  expect(shown).toMatchObject({ create: rows, done: false });
  const confirmed = { ...args, confirm: shown.confirm };
  const task = await callTool(session, "crm_import_csv", confirmed);
  expect(task).toMatchObject({ resultType: "task", status: "working" });
  return { taskId: task.taskId as string, args: confirmed };
}

/** Lets something happen just before or just after the slices of these numbers, from 0; the slices are the real ones. */
function atSlice(
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
function holdUntilStopped(userId: string) {
  let held = 0;
  return {
    hold() {
      held += 1;
      return new Promise(() => {});
    },
    /** Waits for the hold of this number, stops the object, and lets the platform notice it at once. */
    async stop(number: number) {
      await vi.waitFor(() => expect(held).toBe(number), { timeout: 20_000, interval: 5 });
      const abort = (_runner: TaskRunner, state: DurableObjectState) => state.abort("stopped");
      await expect(runInDurableObject(runnerOf(userId), abort)).rejects.toThrow();
      // Over only when the work is, or is stopped once more.
      runDurableObjectAlarm(runnerOf(userId)).catch(() => {});
    },
  };
}

/** Cancels the task that a person's object works on, as their client would. */
async function cancelRunning(session: TestSession, userId: string): Promise<void> {
  const taskId = await runInDurableObject(runnerOf(userId), (_runner: TaskRunner, state) => {
    const query = "SELECT sealed_id AS id FROM tasks WHERE status = 'working'";
    return state.storage.sql.exec<{ id: string }>(query).one().id;
  });
  expect((await session.request("tasks/cancel", { taskId })).error).toBeUndefined();
}

/** What the task says once it has said what stands. */
async function readStanding(session: TestSession, taskId: string): Promise<string> {
  let said = "";
  await vi.waitFor(
    async () => {
      const task = await get(session, taskId);
      said = task.statusMessage;
      expect(task.status).toBe("cancelled");
      expect(said).not.toBe("Cancelled by the client.");
    },
    { timeout: 10_000, interval: 5 },
  );
  return said;
}

const written = (family: string) => count("contacts WHERE last_name = ?", family);

afterEach(() => vi.restoreAllMocks());

// Thousands of rows a test.
vi.setConfig({ testTimeout: 60_000 });

describe("a large import as a task", () => {
  it("is durable before the reply: it goes on when everything stops right after the answer", async () => {
    const session = await open({ as: "durable" });
    const { taskId } = await beginImport(session, "Durable", 5_500);
    await evictDurableObject(runnerOf("user_durable"));
    await runDurableObjectAlarm(runnerOf("user_durable"));
    const { result } = await reach(session, taskId, OVER);
    expect(result.structuredContent).toMatchObject({ done: true, written: 5_500, remaining: 0 });
    expect(await written("Durable")).toBe(5_500);
  });

  it("brings each row in once when its object is stopped in the middle, again and again", async () => {
    const session = await open({ as: "broken" });
    const crash = holdUntilStopped("user_broken");
    // Once when a slice is in and nobody has been told, and once when one is about to be written.
    atSlice(ImportStore, { after: { 1: crash.hold }, before: { 4: crash.hold } });
    const { taskId } = await beginImport(session, "Broken", 8_000);
    await crash.stop(1);
    await crash.stop(2);
    const { result } = await reach(session, taskId, OVER);
    expect(result.structuredContent).toMatchObject({ written: 8_000, remaining: 0, problems: [] });
    expect(await written("Broken")).toBe(8_000);
    expect(await count("contacts WHERE last_name = 'Broken' AND version > 1")).toBe(0);
  });

  it("stops when it is cancelled, says what stands, and that can be taken back", async () => {
    const session = await open({ as: "stopper" });
    atSlice(ImportStore, { after: { 2: () => cancelRunning(session, "user_stopper") } });
    const { taskId, args } = await beginImport(session, "Stopper", 9_000);
    const said = await readStanding(session, taskId);
    const rows = await written("Stopper");
    expect(rows).toBe(3_000);
    expect(said).toMatch(
      /^Cancelled by the client\. 3000 of 9000 contacts were written and stay; crm_undo_change/,
    );
    // Neither the task nor its plan goes any further.
    await runDurableObjectAlarm(runnerOf("user_stopper"));
    const more = await session.call("crm_import_csv", args);
    expect(more.error).toMatchObject({ code: "conflict" });
    expect(await written("Stopper")).toBe(rows);
    // The same file again: what is there is on file.
    const again = await finish(session, "crm_import_csv", { record: "contact", csv: args.csv });
    expect(again).toMatchObject({ done: false, skip: 3_000, create: 6_000 });
    const [, changeId = ""] = /change_id (chg_\w+)/.exec(said) ?? [];
    expect(await finish(session, "crm_undo_change", { change_id: changeId })).toMatchObject({ rows });
    expect(await written("Stopper")).toBe(0);
  });

  it("writes nothing more once it has said what stands, not even a slice that was on its way", async () => {
    const session = await open({ as: "late" });
    let outcome: unknown;
    const target = ImportStore.prototype;
    const real = target.runSlice;
    let slice = 0;
    vi.spyOn(target, "runSlice").mockImplementation(async function (this: ImportStore, ...given) {
      if (slice++ !== 1) return real.apply(this, given);
      await cancelRunning(session, "user_late");
      // The batch leaves late: everything else has been said by then.
      await vi.waitFor(
        async () => {
          const stopped = "plans WHERE user_id = 'user_late' AND stopped_at IS NOT NULL";
          expect(await count(stopped)).toBe(1);
        },
        { timeout: 10_000, interval: 5 },
      );
      outcome = await real.apply(this, given);
      return "moved";
    });
    const { taskId } = await beginImport(session, "Late", 6_000);
    expect(await readStanding(session, taskId)).toContain("1000 of 6000 contacts were written and stay");
    await vi.waitFor(() => expect(outcome).toBe("moved"), { interval: 5 });
    expect(await written("Late")).toBe(1_000);
  });

  it("asks in the middle of its work, and does what was shown and nothing else", async () => {
    const session = await open({ as: "asked", capabilities: ASKED });
    const args = { record: "contact", csv: `${makeFile("Asked", 5_200)}\nPaul,,broken@long.example` };
    const answerWith = async (content: object | undefined | null) => {
      const { taskId } = await callTool(session, "crm_import_csv", args);
      const { inputRequests } = await reach(session, taskId, ["input_required"]);
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
      return (await reach(session, taskId, OVER)).result;
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

  it("is nothing to a colleague, who can neither see nor cancel it", async () => {
    const session = await open({ as: "owner" });
    const { taskId } = await beginImport(session, "Owned", 5_100);
    const bob = await open({ as: "bob" });
    for (const method of ["tasks/get", "tasks/cancel"]) {
      expect((await bob.request(method, { taskId })).error?.code).toBe(-32602);
    }
    expect((await reach(session, taskId, OVER)).status).toBe("completed");
    expect(await written("Owned")).toBe(5_100);
  });

  it("keeps every row's problem, behind a handle when they are many", async () => {
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
  it("that run at once bring each row in once, whichever begins", async () => {
    const session = await open({ as: "twins" });
    const args = { record: "contact", csv: makeFile("Twins", 5_200) };
    const plans = [
      await finish(session, "crm_import_csv", args),
      await finish(session, "crm_import_csv", args),
    ];
    const runs = plans.map(({ confirm }) => finishRaw(session, "crm_import_csv", { ...args, confirm }));
    const answers = await Promise.all(runs);
    expect(await written("Twins")).toBe(5_200);
    const done = answers.filter(({ structuredContent }) => structuredContent?.remaining === 0);
    expect(done.length).toBeGreaterThan(0);
    for (const answer of answers) {
      // The later one finds the other's work, or is told to look again.
      if (answer.isError) expect(answer.content[0].text).toContain("Another call has begun");
      else expect(answer.structuredContent.written).toBeLessThanOrEqual(5_200);
    }
    const again = await finish(session, "crm_import_csv", args);
    expect(again).toMatchObject({ replayed: true, written: 5_200 });
  });

  it("of which one takes it back stop each other: nothing stays, and nothing more comes", async () => {
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
    const { result } = await reach(session, taskId, OVER);
    expect(undone).toMatchObject({ rows: 3_000 });
    expect(result.isError).toBe(true);
    expect(result.content[0].text).toContain("was cancelled or taken back");
    expect(await written("Taken")).toBe(0);
  });
});

describe("large work in a session whose person can be asked", () => {
  it("asks in the middle of the call, and goes on with the answer", async () => {
    const session = await open({ lane: "sessionful", as: "seated", capabilities: { elicitation: {} } });
    const args = { record: "contact", csv: makeFile("Seated", 5_600) };
    const call = await startCall(session, "seated", "crm_import_csv", args);
    const question = await call.next();
    expect(question).toMatchObject({ method: "elicitation/create" });
    expect(question.params.message).toContain("Import 5600 new contact records");
    expect(await written("Seated")).toBe(0);
    await call.reply(question.id, { action: "accept", content: { agree: true } });
    expect((await call.answer()).structuredContent).toMatchObject({ written: 5_600, remaining: 0 });
    expect(await written("Seated")).toBe(5_600);
    const bulk = { record: "contact", where: { query: "Seated" }, field: "title", value: "Chair" };
    const change = await startCall(session, "bulk", "crm_bulk_update", bulk);
    const second = await change.next();
    expect(second.params.message).toContain("Set title of 5600 contacts to Chair?");
    await change.reply(second.id, { action: "decline" });
    expect((await change.answer()).isError).toBe(true);
    expect(await count("contacts WHERE last_name = 'Seated' AND title IS NOT NULL")).toBe(0);
  });
});

describe.each(LANES)("large work for a client without tasks on the %s lane", (lane) => {
  const without = { capabilities: {}, lane } as const;

  it("is done within the call", async () => {
    const session = await open({ ...without, as: `plain${lane}` });
    const args = { record: "contact", csv: makeFile(`Plain${lane}`, 5_300) };
    const shown = await session.call("crm_import_csv", args);
    const { data } = await session.call("crm_import_csv", { ...args, confirm: shown.data.confirm });
    expect(data).toMatchObject({ done: true, written: 5_300, remaining: 0 });
    expect(await written(`Plain${lane}`)).toBe(5_300);
  });

  it("takes files of 50,000 rows, and no more", async () => {
    const family = `Most${lane}`;
    const session = await open({ ...without, as: `most${lane}` });
    const args = { record: "contact", csv: makeFile(family, 50_000) };
    const shown = await session.call("crm_import_csv", args);
    expect(shown.data).toMatchObject({ rows: 50_000, create: 50_000, problems: [] });
    const { data } = await session.call("crm_import_csv", { ...args, confirm: shown.data.confirm });
    expect(data).toMatchObject({ done: true, written: 50_000, remaining: 0 });
    expect(await written(family)).toBe(50_000);
    const over = await session.call("crm_import_csv", { ...args, csv: `${args.csv}\nA,B,` });
    expect(over.error?.message).toContain("50001 rows; a call takes 50000");
  });

  it("stops before the deadline, says what was done, and goes on with the same confirm", async () => {
    const family = `Slow${lane}`;
    const session = await open({ ...without, as: `slow${lane}` });
    const args = { record: "contact", csv: makeFile(family, 7_000) };
    const shown = await session.call("crm_import_csv", args);
    const confirmed = { ...args, confirm: shown.data.confirm };
    // The clock jumps close to the deadline once some rows are in.
    const clock = Date.now.bind(Date);
    let jump = 0;
    vi.spyOn(Date, "now").mockImplementation(() => clock() + jump);
    const late = () => {
      jump = 50_000;
    };
    atSlice(ImportStore, { after: { 1: late } });
    const { data } = await session.call("crm_import_csv", confirmed);
    vi.restoreAllMocks();
    expect(await written(family)).toBe(2_000);
    expect(data).toMatchObject({ done: true, written: 2_000, remaining: 5_000, confirm: confirmed.confirm });
    const rest = await session.call("crm_import_csv", confirmed);
    expect(rest.data).toMatchObject({ written: 7_000, remaining: 0, change_id: data.change_id });
    expect(await written(family)).toBe(7_000);
    const undone = await session.call("crm_undo_change", { change_id: data.change_id });
    expect(undone.data).toMatchObject({ rows: 7_000 });
  });

  it("refuses a viewer, who is shown no such tool", async () => {
    const vera = await openSession({ server: "crm", lane, as: "vera", role: "viewer" });
    const args = { record: "contact", csv: makeFile("Viewer", 2) };
    for (const [name, given] of [
      ["crm_import_csv", args],
      ["crm_export_csv", { record: "contact", whole: true }],
      ["crm_bulk_update", { record: "contact", where: { query: "a" }, field: "title", value: "x" }],
    ] as const) {
      const refused = await vera.request("tools/call", { name, arguments: given });
      expect(refused.error ?? refused.result.isError).toBeTruthy();
    }
    expect(await written("Viewer")).toBe(0);
  });
});

describe("small work", () => {
  it("is answered at once, also to a client that takes tasks", async () => {
    const session = await open();
    const args = { record: "contact", csv: makeFile("Small", 3) };
    const shown = await callTool(session, "crm_import_csv", args);
    expect(shown.structuredContent).toMatchObject({ create: 3, done: false });
    const confirm = shown.structuredContent.confirm;
    const done = await callTool(session, "crm_import_csv", { ...args, confirm });
    expect(done.structuredContent).toMatchObject({ written: 3, done: true });
    const where = { query: "Small" };
    const bulk = { record: "contact", where, field: "title", value: "Clerk" };
    const preview = await callTool(session, "crm_bulk_update", bulk);
    expect(preview.structuredContent).toMatchObject({ to_change: 3, complete: true });
    const exported = await callTool(session, "crm_export_csv", { record: "contact", where, whole: true });
    expect(exported.structuredContent).toMatchObject({ rows: 3 });
    const { change_id } = done.structuredContent;
    const undone = await callTool(session, "crm_undo_change", { change_id });
    expect(undone.structuredContent).toEqual({ change_id, rows: 3 });
  });
});

describe("a large bulk update as a task", () => {
  const choose = (family: string) => ({
    record: "contact",
    where: { query: family },
    field: "title",
    value: "Chief",
  });

  async function addPeople(family: string, rows: number): Promise<void> {
    const session = await open({ as: "filler" });
    const args = { record: "contact", csv: makeFile(family, rows) };
    const { confirm } = await finish(session, "crm_import_csv", args);
    await finish(session, "crm_import_csv", { ...args, confirm });
  }

  it("goes over all that match, counts each version once when it is stopped in the middle, and can be undone", async () => {
    await addPeople("Bulky", 7_000);
    const session = await open({ as: "bulky" });
    const shown = await finish(session, "crm_bulk_update", choose("Bulky"));
    expect(shown).toMatchObject({ to_change: 7_000, complete: true, done: false });
    expect(shown.rows).toHaveLength(20);
    const args = { ...choose("Bulky"), confirm: shown.confirm };
    const crash = holdUntilStopped("user_bulky");
    atSlice(BulkStore, { after: { 1: crash.hold }, before: { 3: crash.hold } });
    const { taskId } = await callTool(session, "crm_bulk_update", args);
    await crash.stop(1);
    await crash.stop(2);
    const { result } = await reach(session, taskId, OVER);
    expect(result.structuredContent).toMatchObject({ changed: 7_000, skipped_total: 0, remaining: 0 });
    expect(await count("contacts WHERE last_name = 'Bulky' AND version = 2")).toBe(7_000);
    const versions = "record_versions WHERE record_id IN (SELECT id FROM contacts WHERE last_name = 'Bulky')";
    expect(await count(versions)).toBe(7_000);
    const { change_id } = result.structuredContent;
    // Two people have been changed since: by name they are left, and all others go back.
    const bob = await open({ as: "bob" });
    const { results } = await env.CRM_DB.prepare(
      "SELECT id FROM contacts WHERE last_name = 'Bulky' LIMIT 2",
    ).all();
    for (const { id } of results)
      await bob.call("crm_update_contact", { contact_id: id, version: 2, title: "Mine" });
    const refused = await finishRaw(session, "crm_undo_change", { change_id });
    expect(refused.isError).toBe(true);
    expect(await count("contacts WHERE last_name = 'Bulky' AND title = 'Chief'")).toBe(6_998);
    const undone = await finish(session, "crm_undo_change", { change_id, leave_changed: true });
    expect(undone).toEqual({ change_id, rows: 6_998, left: 2 });
    expect(await count("contacts WHERE last_name = 'Bulky' AND title IS NULL")).toBe(6_998);
    expect(await count("contacts WHERE last_name = 'Bulky' AND title = 'Mine'")).toBe(2);
  });

  it("says when it is cancelled how much stands and how it can be taken back", async () => {
    await addPeople("Halted", 6_000);
    const session = await open({ as: "halted" });
    const { confirm } = await finish(session, "crm_bulk_update", choose("Halted"));
    atSlice(BulkStore, { after: { 3: () => cancelRunning(session, "user_halted") } });
    const { taskId } = await callTool(session, "crm_bulk_update", { ...choose("Halted"), confirm });
    const said = await readStanding(session, taskId);
    expect(said).toContain(
      "4000 of 6000 contacts were written and stay; crm_undo_change takes them back until",
    );
    expect(await count("contacts WHERE last_name = 'Halted' AND title = 'Chief'")).toBe(4_000);
  });
});

/** The whole answer of a call, whether it is a task or not. */
async function finishRaw(session: TestSession, name: string, args: Record<string, unknown>) {
  const answer = await callTool(session, name, args);
  return answer.resultType === "task" ? (await reach(session, answer.taskId, OVER)).result : answer;
}

describe("records of a task", () => {
  it("do not keep the file once the work is over", async () => {
    const session = await open({ as: "tidy" });
    const { taskId } = await beginImport(session, "Tidy", 5_050);
    await reach(session, taskId, OVER);
    await runInDurableObject(runnerOf("user_tidy"), (_runner: TaskRunner, state) => {
      expect(state.storage.sql.exec("SELECT 1 FROM task_texts").toArray()).toEqual([]);
    });
  });
});
