import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { resembles } from "../../workers/crm/duplicates.ts";
import { LANES, openSession } from "../support/session.ts";
import { addCompany, addContact, addDeal, addTask, dayAhead } from "./rows.ts";

beforeAll(async () => {
  await addCompany("cmp_acme", "Acme Rockets");
  await addCompany("cmp_globex", "Globex");
});

const read = (id: string) =>
  env.CRM_DB.prepare("SELECT * FROM contacts WHERE id = ?").bind(id).first<Record<string, unknown>>();

describe.each(LANES)("duplicates on the %s lane", (lane) => {
  const id = (name: string) => `${name}${lane}`;
  const phone = lane === "stateless" ? "0221 5550199" : "0221 5550188";

  it("finds the same person by address, telephone and name, names the key, and finds no other", async () => {
    const company = { company_id: "cmp_acme" };
    await addContact(id("con_first"), `Robert ${lane}`, {
      ...company,
      email: `rob.${lane}@acme.example`,
      phone,
    });
    await addContact(id("con_tag"), "Somebody Else", { email: `rob.${lane}+crm@acme.example` });
    await addContact(id("con_phone"), `Rob ${lane}`, { phone: `+49 ${phone.slice(1).replace(" ", "/")}` });
    await addContact(id("con_typo"), `Robrt ${lane}`, company);
    await addContact(id("con_desk"), "Wilma Wholly", { phone });
    await addContact(id("con_sister"), `Rita ${lane}`, company);
    const session = await openSession({ server: "crm", lane });
    const { data } = await session.call("crm_find_duplicates", { contact_id: id("con_first") });
    const found = Object.fromEntries(
      data.pairs.map((pair: { duplicate_id: string; same: string[] }) => [pair.duplicate_id, pair.same]),
    );
    expect(found).toEqual({
      [id("con_tag")]: ["email"],
      [id("con_phone")]: ["phone"],
      [id("con_typo")]: ["name"],
    });
    const all = await session.call("crm_find_duplicates");
    const pairs = all.data.pairs.map((pair: { keep_id: string; duplicate_id: string }) => pair.duplicate_id);
    expect(pairs).toEqual(expect.arrayContaining([id("con_tag"), id("con_phone"), id("con_typo")]));
  });

  it("shows the merged contact first, moves everything, keeps the old values, and can be undone completely", async () => {
    await addContact(id("con_keep"), "Kay Keep", { title: "Buyer", company_id: "cmp_acme" });
    const email = `kay.${lane}@acme.example`;
    await addContact(id("con_dup"), "Kay Kept", { title: "Clerk", email, company_id: "cmp_globex" });
    await addDeal(id("deal_dup"), "cmp_globex", { contact_id: id("con_dup") });
    await addTask(id("task_dup"), dayAhead(2), { contact_id: id("con_dup") });
    const session = await openSession({ server: "crm", lane });
    const args = { keep_id: id("con_keep"), duplicate_id: id("con_dup") };
    const shown = await session.call("crm_merge_contacts", args);
    const merged = { id: id("con_keep"), name: "Kay Keep", title: "Buyer", email, company_id: "cmp_acme" };
    expect(shown.data).toMatchObject({ done: false, merged, moved: { deals: 1, activities: 0, tasks: 1 } });
    expect(await read(id("con_dup"))).not.toBeNull();
    const { data } = await session.call("crm_merge_contacts", { ...args, confirm: shown.data.confirm });
    expect(data).toMatchObject({ done: true, merged });
    expect(await read(id("con_dup"))).toBeNull();
    expect(await read(id("con_keep"))).toMatchObject({ email, version: 2 });
    const found = await session.call("crm_find_contacts", { query: email });
    expect(found.data.contacts).toMatchObject([{ id: id("con_keep") }]);
    const deal = env.CRM_DB.prepare("SELECT contact_id FROM deals WHERE id = ?").bind(id("deal_dup"));
    expect(await deal.first("contact_id")).toBe(id("con_keep"));
    const versions = env.CRM_DB.prepare("SELECT snapshot FROM record_versions WHERE record_id = ?");
    expect(await versions.bind(id("con_keep")).first<string>("snapshot")).toContain('"email":null');

    // Changes after the merge stay; only the merge's own changes are undone.
    await session.call("crm_log_activity", { kind: "note", subject: "Later", contact_id: id("con_keep") });
    const undone = await session.call("crm_undo_change", { change_id: data.change_id });
    expect(undone.isError).toBe(false);
    expect(await read(id("con_dup"))).toMatchObject({ title: "Clerk", email, company_id: "cmp_globex" });
    expect(await read(id("con_keep"))).toMatchObject({ email: null, version: 3 });
    expect(await deal.first("contact_id")).toBe(id("con_dup"));
    const said = await session.call("crm_list_activities", { of: id("con_keep") });
    expect(said.data.activities).toMatchObject([{ subject: "Later" }]);
  });

  it("does not undo a merge over a colleague's later change", async () => {
    await addContact(id("con_a"), "Ann Able");
    await addContact(id("con_b"), "Ann Abel");
    const alice = await openSession({ server: "crm", lane, as: "alice" });
    const bob = await openSession({ server: "crm", lane, as: "bob" });
    const args = { keep_id: id("con_a"), duplicate_id: id("con_b") };
    const shown = await alice.call("crm_merge_contacts", args);
    const stolen = await bob.call("crm_merge_contacts", { ...args, confirm: "0".repeat(32) });
    expect(stolen.error).toMatchObject({ code: "conflict" });
    const { data } = await alice.call("crm_merge_contacts", { ...args, confirm: shown.data.confirm });
    await bob.call("crm_update_contact", { contact_id: id("con_a"), version: 2, title: "Chief" });
    const undone = await alice.call("crm_undo_change", { change_id: data.change_id });
    expect(undone.error?.message).toContain(`Changed since: ${id("con_a")}`);
    expect(await read(id("con_b"))).toBeNull();
    expect(await read(id("con_a"))).toMatchObject({ title: "Chief" });
  });
});

describe("names of one person", () => {
  it.each([
    ["Rob", "Smith", "Robert", "Smith", true],
    ["José", "O'Brien", "jose", "OBrien", true],
    ["Anna", "Mayer", "Anna", "Meyer", true],
    ["Anna", "Meyer", "Otto", "Meyer", false],
    ["A", "Meyer", "Anna", "Meyer", false],
    ["Anna", "Meyer", "Anna", "Schulz", false],
  ])("%s %s and %s %s: %s", (one_first, one_last, other_first, other_last, alike) => {
    expect(resembles({ one_first, one_last, other_first, other_last })).toBe(alike);
    expect(
      resembles({
        one_first: other_first,
        one_last: other_last,
        other_first: one_first,
        other_last: one_last,
      }),
    ).toBe(alike);
  });
});
