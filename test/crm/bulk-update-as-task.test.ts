import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { BulkStore } from "../../workers/crm/store/bulk.ts";
import { cancelRunning, reachTask } from "../support/tasks.ts";
import {
  atSlice,
  callTool,
  finish,
  finishCall,
  holdUntilStopped,
  makeFile,
  open,
  readStanding,
} from "./long-work.ts";
import { countRows } from "./rows.ts";

afterEach(() => vi.restoreAllMocks());

// Thousands of rows a test.
vi.setConfig({ testTimeout: 60_000 });

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

  it("changes all matches, increments each version once when it is stopped in the middle, and can be undone", async () => {
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
    const { result } = await reachTask(session, taskId);
    expect(result.structuredContent).toMatchObject({ changed: 7_000, skipped_total: 0, remaining: 0 });
    expect(await countRows("contacts WHERE last_name = 'Bulky' AND version = 2")).toBe(7_000);
    const versions = "record_versions WHERE record_id IN (SELECT id FROM contacts WHERE last_name = 'Bulky')";
    expect(await countRows(versions)).toBe(7_000);
    const { change_id } = result.structuredContent;
    // Two people have been changed since: they are named and skipped, and all others are restored.
    const bob = await open({ as: "bob" });
    const { results } = await env.CRM_DB.prepare(
      "SELECT id FROM contacts WHERE last_name = 'Bulky' LIMIT 2",
    ).all();
    for (const { id } of results)
      await bob.call("crm_update_contact", { contact_id: id, version: 2, title: "Mine" });
    const refused = await finishCall(session, "crm_undo_change", { change_id });
    expect(refused.isError).toBe(true);
    expect(await countRows("contacts WHERE last_name = 'Bulky' AND title = 'Chief'")).toBe(6_998);
    const undone = await finish(session, "crm_undo_change", { change_id, leave_changed: true });
    expect(undone).toEqual({ change_id, rows: 6_998, left: 2 });
    expect(await countRows("contacts WHERE last_name = 'Bulky' AND title IS NULL")).toBe(6_998);
    expect(await countRows("contacts WHERE last_name = 'Bulky' AND title = 'Mine'")).toBe(2);
  });

  it("reports after a cancellation how many changes stand and how to undo them", async () => {
    await addPeople("Halted", 6_000);
    const session = await open({ as: "halted" });
    const { confirm } = await finish(session, "crm_bulk_update", choose("Halted"));
    atSlice(BulkStore, { after: { 3: () => cancelRunning(session, "user_halted") } });
    const { taskId } = await callTool(session, "crm_bulk_update", { ...choose("Halted"), confirm });
    const said = await readStanding(session, taskId);
    expect(said).toContain(
      "4000 of 6000 contacts were written and stay; crm_undo_change takes them back until",
    );
    expect(await countRows("contacts WHERE last_name = 'Halted' AND title = 'Chief'")).toBe(4_000);
  });
});
