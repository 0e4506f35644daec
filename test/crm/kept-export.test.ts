import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { KeptExportStore } from "../../workers/crm/export/kept-exports.ts";
import { runMaintenance } from "../../workers/gateway/maintenance.ts";
import { liftDenials } from "../support/policy.ts";
import { LANES, openSession, type SessionOptions, type TestSession } from "../support/session.ts";
import { cancelRunning, reachTask, readTask, runnerOf, stopRunner, TASKS } from "../support/tasks.ts";
import { issueToken } from "../support/token.ts";
import { until } from "../support/until.ts";
import { addCompany, countRows } from "./rows.ts";

const PEOPLE = 3_200;
const ALL = { record: "contact", where: { company_id: "cmp_export" }, whole: true };

const open = (options: Partial<SessionOptions> = {}) =>
  openSession({ server: "crm", lane: "stateless", capabilities: TASKS, ...options });

async function begin(session: TestSession, args: Record<string, unknown> = ALL) {
  const { result } = await session.request("tools/call", { name: "crm_export_csv", arguments: args });
  expect(result).toMatchObject({ resultType: "task", status: "working" });
  return result.taskId as string;
}

/** Every line of a file below its header, in as many reads as it needs. */
async function readLines(session: TestSession, uri: string): Promise<string[]> {
  const lines: string[] = [];
  let next: string | undefined = uri;
  while (next !== undefined) {
    const [csv, more]: { text: string; uri: string }[] = await session.readResource(next);
    lines.push(...(csv?.text.split("\r\n") ?? []));
    next = more?.uri;
  }
  const [header, ...rest] = lines;
  expect(header).toMatch(/^\uFEFFid,first_name,last_name/);
  return rest;
}

beforeAll(async () => {
  await addCompany("cmp_export", "Export Works");
  const rows = Array.from({ length: PEOPLE }, (_, index) => [`con_ex${index}`, `Family${index}`]);
  await env.CRM_DB.prepare(
    `INSERT INTO contacts (id, first_name, last_name, email, company_id, created_at, created_by, created_by_name,
       updated_at, updated_by, updated_by_name)
     SELECT value ->> 0, 'Eva', value ->> 1, (value ->> 0) || '@export.example', 'cmp_export', ?2, 'u', 'U', ?2, 'u', 'U'
     FROM json_each(?1)`,
  )
    .bind(JSON.stringify(rows), "2026-01-05T09:00:00.000Z")
    .run();
});

afterEach(() => vi.restoreAllMocks());
vi.setConfig({ testTimeout: 60_000 });

describe("a whole export", () => {
  it("is one file, with every row once, though its object is stopped in the middle", async () => {
    const session = await open({ as: "whole" });
    let held = 0;
    const real = KeptExportStore.prototype.add;
    vi.spyOn(KeptExportStore.prototype, "add").mockImplementation(async function (
      this: KeptExportStore,
      ...given
    ) {
      await real.apply(this, given);
      held += 1;
      // The second part is written, and its confirmation is lost.
      if (held === 2) await new Promise(() => {});
    });
    const taskId = await begin(session);
    await until(() => expect(held).toBe(2));
    await stopRunner("user_whole");
    await runDurableObjectAlarm(runnerOf("user_whole"));
    const { result } = await reachTask(session, taskId, ["completed"]);
    const { all, rows, kept_until } = result.structuredContent;
    expect(rows).toBe(PEOPLE);
    expect(Date.parse(kept_until) - Date.now()).toBeGreaterThan(23 * 3_600_000);
    expect(result.content[1]).toMatchObject({ type: "resource_link", uri: all, mimeType: "text/csv" });
    const lines = await readLines(session, all);
    const ids = lines.map((line) => line.split(",")[0]);
    expect(ids).toHaveLength(PEOPLE);
    expect(new Set(ids).size).toBe(PEOPLE);
  });

  it("is readable by its user only, and not once their role sees fewer fields", async () => {
    const session = await open({ as: "keeper" });
    const { result } = await reachTask(session, await begin(session), ["completed"]);
    const { all } = result.structuredContent;
    const bob = await open({ as: "bob" });
    await expect(bob.readResource(all)).rejects.toThrow("Resource not found");
    // Another app of the same person reads it.
    expect(await readLines(await open({ as: "keeper" }), all)).toHaveLength(PEOPLE);
    liftDenials("viewer");
    const { clientId } = session.token;
    session.token = await issueToken({
      ...{ server: "crm", clientId, name: "keeper", role: "viewer", scopes: ["crm:read"] },
    });
    // The user's object caches their role for a few seconds.
    await evictDurableObject(env.PRINCIPAL.get(env.PRINCIPAL.idFromName("user_keeper")));
    await expect(session.readResource(all)).rejects.toThrow("shown other things");
    const masked = await reachTask(session, await begin(session), ["completed"]);
    const lines = await readLines(session, masked.result.structuredContent.all);
    expect(lines).toHaveLength(PEOPLE);
    expect(lines.join("\n")).not.toMatch(/Family|con_ex\d+@/);
  });

  it("is deleted when its time is over, when a person is erased, and when it is cancelled", async () => {
    const session = await open({ as: "passing" });
    const { result } = await reachTask(session, await begin(session), ["completed"]);
    const { all } = result.structuredContent;
    const id = String(all).split("/").at(-1);
    const kept = () => countRows(`kept_export_parts WHERE export_id = '${id}'`);
    expect(await kept()).toBe(7);
    await runMaintenance(env);
    expect(await kept()).toBe(7);
    const yesterday = new Date(Date.now() - 25 * 3_600_000).toISOString();
    await env.CRM_DB.prepare("UPDATE kept_exports SET made_at = ? WHERE id = ?").bind(yesterday, id).run();
    await expect(session.readResource(all)).rejects.toThrow("Resource not found");
    await runMaintenance(env);
    expect(await kept()).toBe(0);

    await reachTask(session, await begin(session), ["completed"]);
    const erase = { contact_id: "con_ex0" };
    const { confirm } = (await session.call("crm_erase_person", erase)).data;
    const erased = await session.call("crm_erase_person", { ...erase, confirm });
    expect(erased.data.removed.kept_exports).toBeGreaterThan(0);
    expect(await countRows("kept_exports")).toBe(0);
    expect(await countRows("kept_export_parts")).toBe(0);

    const real = KeptExportStore.prototype.add;
    vi.spyOn(KeptExportStore.prototype, "add").mockImplementation(async function (
      this: KeptExportStore,
      ...given
    ) {
      await real.apply(this, given);
      if (given[0].parts !== 1) return;
      await cancelRunning(session, "user_passing");
    });
    const taskId = await begin(session);
    await reachTask(session, taskId, ["cancelled"]);
    await until(async () => {
      expect((await readTask(session, taskId)).statusMessage).toContain("The unfinished file was deleted.");
    });
    expect(await countRows("kept_exports")).toBe(0);
  });

  it("is read in parts of four million characters when it is larger", async () => {
    const session = await open({ as: "giant" });
    await addCompany("cmp_giant", "Giant without people");
    const where = { company_id: "cmp_giant" };
    const { data } = await session.call("crm_export_csv", { ...ALL, where });
    const id = String(data.all).split("/").at(-1);
    await env.CRM_DB.prepare("UPDATE kept_export_parts SET size = 4000000, text = ? WHERE export_id = ?")
      .bind("x".repeat(100), id)
      .run();
    await env.CRM_DB.prepare("INSERT INTO kept_export_parts VALUES (?, 1, 100, 'y'), (?, 2, 100, 'z')")
      .bind(id, id)
      .run();
    await env.CRM_DB.prepare("UPDATE kept_exports SET parts = 3 WHERE id = ?").bind(id).run();
    const [first, more] = await session.readResource(data.all);
    expect(first.text).toBe("x".repeat(100));
    expect(more.uri).toBe(`${data.all}.1`);
    const rest = await session.readResource(more.uri);
    expect(rest).toEqual([expect.objectContaining({ text: "y\r\nz" })]);
  });
});

describe.each(LANES)("a whole export for a client without tasks on the %s lane", (lane) => {
  it("is done within the call", async () => {
    const session = await open({ lane, capabilities: {} });
    const { data } = await session.call("crm_export_csv", ALL);
    expect(data.rows).toBe(await countRows("contacts WHERE company_id = 'cmp_export'"));
    expect(await readLines(session, data.all)).toHaveLength(data.rows);
  });

  it("stops before the deadline, reports how many rows are written, and continues with the cursor", async () => {
    const session = await open({ lane, capabilities: {}, as: `slow${lane}` });
    const clock = Date.now.bind(Date);
    let jump = 0;
    vi.spyOn(Date, "now").mockImplementation(() => clock() + jump);
    const real = KeptExportStore.prototype.add;
    vi.spyOn(KeptExportStore.prototype, "add").mockImplementation(async function (
      this: KeptExportStore,
      ...given
    ) {
      await real.apply(this, given);
      if (given[0].parts === 1) jump = 50_000;
    });
    const { data } = await session.call("crm_export_csv", ALL);
    vi.restoreAllMocks();
    expect(data).toMatchObject({ rows: 1_000, next_cursor: expect.any(String) });
    const bob = await open({ lane, capabilities: {}, as: "bob" });
    const stranger = await bob.call("crm_export_csv", { ...ALL, cursor: data.next_cursor });
    expect(stranger.error).toMatchObject({ code: "invalid_input" });
    const rest = await session.call("crm_export_csv", { ...ALL, cursor: data.next_cursor });
    expect(rest.data).toMatchObject({ all: data.all });
    expect(rest.data.next_cursor).toBeUndefined();
    expect(await readLines(session, data.all)).toHaveLength(rest.data.rows);
  });
});
