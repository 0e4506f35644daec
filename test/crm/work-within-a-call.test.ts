import { afterEach, describe, expect, it, vi } from "vitest";
import { ImportStore } from "../../workers/crm/imports/imports.ts";
import { startCall } from "../support/approvals.ts";
import { LANES, openSession } from "../support/session.ts";
import { atSlice, callTool, makeFile, open, written } from "./long-work.ts";
import { countRows } from "./rows.ts";

afterEach(() => vi.restoreAllMocks());

// Thousands of rows a test.
vi.setConfig({ testTimeout: 60_000 });

describe("large work in a session whose user can be asked", () => {
  it("asks in the middle of the call, and continues with the answer", async () => {
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
    expect(await countRows("contacts WHERE last_name = 'Seated' AND title IS NOT NULL")).toBe(0);
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

  it("accepts files of 50,000 rows, and no more", async () => {
    const family = `Most${lane}`;
    const session = await open({ ...without, as: `most${lane}` });
    const args = { record: "contact", csv: makeFile(family, 50_000) };
    const shown = await session.call("crm_import_csv", args);
    expect(shown.data).toMatchObject({ rows: 50_000, create: 50_000, problems: [] });
    // A busy machine reaches the deadline before the last rows.
    for (let remaining = 50_000; remaining > 0; ) {
      const { data } = await session.call("crm_import_csv", { ...args, confirm: shown.data.confirm });
      expect(data.remaining).toBeLessThan(remaining);
      remaining = data.remaining;
    }
    expect(await written(family)).toBe(50_000);
    const over = await session.call("crm_import_csv", { ...args, csv: `${args.csv}\nA,B,` });
    expect(over.error?.message).toContain("50001 rows; a call takes 50000");
  });

  it("stops before the deadline, reports its progress, and continues with the same confirm", async () => {
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
    // Its value ends an hour after it was sealed, so it names the same plan and may differ from the first one.
    const [plan = ""] = String(confirmed.confirm).split(".");
    const confirm = expect.stringContaining(`${plan}.`);
    expect(data).toMatchObject({ done: true, written: 2_000, remaining: 5_000, confirm });
    const rest = await session.call("crm_import_csv", confirmed);
    expect(rest.data).toMatchObject({ written: 7_000, remaining: 0, change_id: data.change_id });
    expect(await written(family)).toBe(7_000);
    const undone = await session.call("crm_undo_change", { change_id: data.change_id });
    expect(undone.data).toMatchObject({ rows: 7_000 });
  });

  it("refuses a viewer, whose tool list does not have it", async () => {
    const vera = await openSession({ server: "crm", lane, as: "vera", role: "viewer" });
    const args = { record: "contact", csv: makeFile("Subscriber", 2) };
    for (const [name, given] of [
      ["crm_import_csv", args],
      ["crm_export_csv", { record: "contact", whole: true }],
      ["crm_bulk_update", { record: "contact", where: { query: "a" }, field: "title", value: "x" }],
    ] as const) {
      const refused = await vera.request("tools/call", { name, arguments: given });
      expect(refused.error ?? refused.result.isError).toBeTruthy();
    }
    expect(await written("Subscriber")).toBe(0);
  });
});

describe("small work", () => {
  it("is answered at once, also to a client that supports tasks", async () => {
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
