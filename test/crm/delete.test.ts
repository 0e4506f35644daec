import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { LANES, openSession, type TestSession } from "../support/session.ts";
import { addCompany, addContact, addDeal, addOwner, addTask, countRows, dayAhead } from "./rows.ts";

const TABLES = ["contacts", "companies", "deals", "deal_stage_history", "activities", "tasks"];

/** Every row without the columns that an undo increments: its position and its version. */
async function readAll(): Promise<Record<string, unknown[]>> {
  const answers = await env.CRM_DB.batch<Record<string, unknown>>(
    TABLES.map((table) => env.CRM_DB.prepare(`SELECT * FROM ${table}`)),
  );
  const sorted = answers.map(({ results }) =>
    results.map(({ seq: _seq, version: _version, ...row }) => JSON.stringify(row)).sort(),
  );
  return Object.fromEntries(TABLES.map((table, index) => [table, sorted[index] ?? []]));
}

/** Previews and confirms, like a client that cannot ask its user. */
async function remove(session: TestSession, id: string) {
  const { data } = await session.call("crm_delete_record", { id });
  expect(data).toMatchObject({ done: false });
  return await session.call("crm_delete_record", { id, confirm: data.confirm });
}

beforeAll(async () => {
  await addOwner("own_alice", "Alice Archer", "alice@people.example");
});

describe.each(LANES)("deleting on the %s lane", (lane) => {
  const id = (name: string) => `${name}${lane}`;

  async function addCustomer(name: string): Promise<TestSession> {
    await addCompany(id(`cmp_${name}`), `${name} Ltd`);
    const email = `${name}.${lane}@gone.example`;
    await addContact(id(`con_${name}`), `${name} Gone`, { company_id: id(`cmp_${name}`), email });
    const link = { contact_id: id(`con_${name}`) };
    await addDeal(id(`deal_${name}`), id(`cmp_${name}`), { ...link, owner_id: "own_alice" });
    await addTask(id(`task_${name}`), dayAhead(3), { ...link, deal_id: id(`deal_${name}`) });
    await addTask(id(`task_${name}alone`), dayAhead(4), link);
    const session = await openSession({ server: "crm", lane });
    for (const subject of [{ deal_id: id(`deal_${name}`) }, link]) {
      await session.call("crm_log_activity", { kind: "note", subject: "Said", body: "Words", ...subject });
    }
    return session;
  }

  it.each(["con", "deal"])(
    "shows first, deletes what was shown, and brings all of a %s back",
    async (kind) => {
      const session = await addCustomer(`round${kind}`);
      const target = id(`${kind}_round${kind}`);
      const before = await readAll();
      const shown = await session.call("crm_delete_record", { id: target });
      expect(shown.data).toMatchObject({ done: false, affected: { tasks: expect.any(Number) } });
      expect(await readAll()).toEqual(before);
      const { data } = await session.call("crm_delete_record", { id: target, confirm: shown.data.confirm });
      expect(data).toMatchObject({ done: true, undo_until: dayAhead(30) });
      expect(await countRows(`${kind === "con" ? "contacts" : "deals"} WHERE id = ?`, target)).toBe(0);
      if (kind === "con") {
        const found = await session.call("crm_find_contacts", { query: `roundcon.${lane}@gone.example` });
        expect(found.data.contacts.map((row: { id: string }) => row.id)).not.toContain(target);
      }
      const undone = await session.call("crm_undo_change", { change_id: data.change_id });
      expect(undone.data.rows).toBeGreaterThan(2);
      expect(await readAll()).toEqual(before);
      const twice = await session.call("crm_undo_change", { change_id: data.change_id });
      expect(twice.error?.message).toContain("undone already");
      expect(await countRows("preconditions")).toBe(0);
    },
  );

  it("keeps counters and search consistent with deletions and restorations", async () => {
    const session = await addCustomer("counted");
    const open = async () => (await session.call("crm_get_pipeline")).data.open_deals;
    const before = await open();
    const { data } = await remove(session, id("deal_counted"));
    expect(await open()).toBe(before - 1);
    await session.call("crm_undo_change", { change_id: data.change_id });
    expect(await open()).toBe(before);
    const [document] = await session.readResource(`crm://deals/${id("deal_counted")}`);
    expect(JSON.parse(document.text).contact_id).toBe(id("con_counted"));
  });

  it("deletes nothing that was not shown: a record that changed after its preview stays", async () => {
    const session = await addCustomer("moved");
    const bob = await openSession({ server: "crm", lane, as: "bob" });
    const shown = await session.call("crm_delete_record", { id: id("con_moved") });
    await bob.call("crm_update_contact", { contact_id: id("con_moved"), version: 1, title: "New" });
    const late = await session.call("crm_delete_record", {
      id: id("con_moved"),
      confirm: shown.data.confirm,
    });
    expect(late.error).toMatchObject({ code: "conflict" });
    expect(late.error?.suggested_action).toContain("without confirm");
    expect(await countRows("contacts WHERE id = ?", id("con_moved"))).toBe(1);
  });

  it("lets one of two concurrent users delete it", async () => {
    await addCustomer("twice");
    const people = await Promise.all(["alice", "bob"].map((as) => openSession({ server: "crm", lane, as })));
    const shown = await Promise.all(
      people.map((session) => session.call("crm_delete_record", { id: id("deal_twice") })),
    );
    const answers = await Promise.all(
      people.map((session, index) =>
        session.call("crm_delete_record", { id: id("deal_twice"), confirm: shown[index]?.data.confirm }),
      ),
    );
    expect(answers.filter(({ isError }) => !isError)).toHaveLength(1);
    expect(await countRows("changes WHERE summary = ?", `deal ${id("deal_twice")}`)).toBe(1);
  });

  it("refuses a company that still has people, and deletes and restores an empty one", async () => {
    const session = await addCustomer("full");
    const full = await session.call("crm_delete_record", { id: id("cmp_full") });
    expect(full.error).toMatchObject({ code: "conflict" });
    expect(full.error?.message).toContain("1 contacts and 1 deals");
    await addCompany(id("cmp_empty"), "Empty Ltd", { domain: `${lane}.empty.example` });
    await session.call("crm_log_activity", { kind: "note", subject: "S", company_id: id("cmp_empty") });
    const before = await readAll();
    const { data } = await remove(session, id("cmp_empty"));
    expect((await session.call("crm_get_customer", { customer: id("cmp_empty") })).error?.code).toBe(
      "not_found",
    );
    await session.call("crm_undo_change", { change_id: data.change_id });
    expect(await readAll()).toEqual(before);
    const listed = await session.call("crm_list_changes");
    expect(listed.data.changes[0]).toMatchObject({
      what: `company ${id("cmp_empty")}`,
      by: "alice",
      undone: true,
    });
  });

  it("does not restore a person whose e-mail address another contact has by now", async () => {
    const session = await addCustomer("taken");
    const { data } = await remove(session, id("con_taken"));
    await addContact(id("con_thief"), "Theo Thief", { email: `taken.${lane}@gone.example` });
    const undone = await session.call("crm_undo_change", { change_id: data.change_id });
    expect(undone.error).toMatchObject({ code: "conflict" });
    expect(await countRows("contacts WHERE id = ?", id("con_taken"))).toBe(0);
  });

  it("is not offered to a role that may only write", async () => {
    const sales = await openSession({
      server: "crm",
      lane,
      role: "sales",
      scopes: ["crm:read", "crm:write"],
    });
    const names = (await sales.listTools()).map(({ name }: { name: string }) => name);
    expect(names).toContain("crm_undo_change");
    expect(names).not.toContain("crm_delete_record");
  });
});

describe("a client whose person can be asked", () => {
  const ask = async (answer: object) => {
    await addContact(`con_asked${JSON.stringify(answer).length}`, "Ask Me");
    const target = `con_asked${JSON.stringify(answer).length}`;
    const session = await openSession({ server: "crm", lane: "stateless" });
    const capable = { "io.modelcontextprotocol/clientCapabilities": { elicitation: {} } };
    const call = { name: "crm_delete_record", arguments: { id: target }, _meta: capable };
    const first = await session.request("tools/call", call);
    expect(first.result.resultType).toBe("input_required");
    expect(JSON.stringify(first.result.inputRequests)).toContain(`Delete contact ${target}?`);
    expect(await countRows("contacts WHERE id = ?", target)).toBe(1);
    const { requestState } = first.result;
    const second = await session.request("tools/call", {
      ...call,
      requestState,
      inputResponses: { q1: answer },
    });
    return { target, result: second.result };
  };

  it("deletes in one call when the person agrees", async () => {
    const { target, result } = await ask({ action: "accept", content: { agree: true } });
    expect(result.structuredContent).toMatchObject({ done: true });
    expect(await countRows("contacts WHERE id = ?", target)).toBe(0);
  });

  it.each([
    { action: "decline" },
    { action: "cancel", content: {} },
    { action: "accept", content: { agree: false } },
  ])("changes nothing for %j", async (answer) => {
    const { target, result } = await ask(answer);
    expect(JSON.parse(result.content[0].text).error).toMatchObject({ code: "cancelled" });
    expect(await countRows("contacts WHERE id = ?", target)).toBe(1);
  });
});
