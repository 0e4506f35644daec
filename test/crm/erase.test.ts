import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { LANES, openSession } from "../support/session.ts";
import { addCompany, addContact, addDeal, addTask, dayAhead } from "./rows.ts";

/** Every text of every ordinary table, and the words of the contacts' search index. */
async function readEverything(): Promise<string> {
  const tables = await env.CRM_DB.prepare(
    `SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'
       AND name NOT LIKE '%_fts%' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%'`,
  ).all<{ name: string }>();
  const words = env.CRM_DB.prepare("SELECT term FROM contacts_words");
  const answers = await env.CRM_DB.batch([
    ...tables.results.map(({ name }) => env.CRM_DB.prepare(`SELECT * FROM ${name}`)),
    words,
  ]);
  expect(tables.results.length).toBeGreaterThan(10);
  return JSON.stringify(answers.map(({ results }) => results)).toLowerCase();
}

describe.each(LANES)("erasing a person on the %s lane", (lane) => {
  const id = (name: string) => `${name}${lane}`;
  // A word that occurs only in the stored data of this person.
  const mark = `zebulon${lane}`;

  it("leaves no trace in any table, after a full life cycle in the CRM, and reports the removed rows", async () => {
    await addCompany(id("cmp_life"), "Life Ltd");
    await addDeal(id("deal_gone"), id("cmp_life"));
    const session = await openSession({ server: "crm", lane });
    const made = await session.call("crm_create_contact", {
      first_name: mark,
      last_name: "Person",
      email: `${mark}@life.example`,
      company_id: id("cmp_life"),
      idempotency_key: id("key-of-person-"),
    });
    const contactId = made.data.contact.id;
    await addContact(id("con_twin"), `${mark} Twin`, { email: `${mark}+old@life.example` });
    await addContact(id("con_other"), "Otto Other", { company_id: id("cmp_life") });
    await session.call("crm_update_contact", { contact_id: contactId, version: 1, title: `${mark} title` });
    await addDeal(id("deal_stays"), id("cmp_life"), { contact_id: contactId });
    await addTask(id("task_gone"), dayAhead(1), { contact_id: contactId, title: `Call ${mark}` });
    const note = { kind: "note", subject: `Met ${mark}`, body: `${mark} said`, contact_id: contactId };
    await session.call("crm_log_activity", { ...note, deal_id: id("deal_gone") });
    await session.call("crm_log_activity", note);
    // A deletion and a merge keep images of the person, which must be erased too.
    const removal = await session.call("crm_delete_record", { id: id("deal_gone") });
    await session.call("crm_delete_record", { id: id("deal_gone"), confirm: removal.data.confirm });
    await addContact(id("con_merged"), `${mark} Merged`);
    const merge = { keep_id: contactId, duplicate_id: id("con_merged") };
    const shownMerge = await session.call("crm_merge_contacts", merge);
    const merged = await session.call("crm_merge_contacts", { ...merge, confirm: shownMerge.data.confirm });
    expect(merged.isError).toBe(false);
    expect(await readEverything()).toContain(mark);

    const shown = await session.call("crm_erase_person", { contact_id: contactId });
    expect(shown.data.done).toBe(false);
    expect(shown.data.contact_ids.sort()).toEqual([contactId, id("con_merged"), id("con_twin")].sort());
    const { data } = await session.call("crm_erase_person", {
      contact_id: contactId,
      confirm: shown.data.confirm,
    });
    expect(data).toMatchObject({
      done: true,
      removed: { contacts: 2, activities: 2, tasks: 1, deals_detached: 1, idempotency_keys: 1 },
    });
    expect(data.removed.old_versions).toBeGreaterThanOrEqual(2);
    expect(data.removed.undo_images).toBeGreaterThanOrEqual(4);
    expect(await readEverything()).not.toContain(mark);

    const rest = await session.call("crm_get_customer", { customer: id("cmp_life") });
    expect(rest.data.people).toMatchObject([{ id: id("con_other") }]);
    expect(rest.data.open_deals).toMatchObject([{ id: id("deal_stays") }]);
    const undo = await session.call("crm_undo_change", { change_id: merged.data.change_id });
    expect(undo.error).toMatchObject({ code: "not_found" });
    const again = await session.call("crm_erase_person", { contact_id: contactId });
    expect(again.error).toMatchObject({ code: "not_found" });
  });

  it("erases a person whose contact was deleted already", async () => {
    await addContact(id("con_late"), `Late${mark} Person`);
    const session = await openSession({ server: "crm", lane });
    const removal = await session.call("crm_delete_record", { id: id("con_late") });
    await session.call("crm_delete_record", { id: id("con_late"), confirm: removal.data.confirm });
    expect(await readEverything()).toContain(`late${mark}`);
    const shown = await session.call("crm_erase_person", { contact_id: id("con_late") });
    const { data } = await session.call("crm_erase_person", {
      contact_id: id("con_late"),
      confirm: shown.data.confirm,
    });
    expect(data).toMatchObject({ done: true, removed: { contacts: 0 } });
    expect(await readEverything()).not.toContain(`late${mark}`);
  });

  it("does not erase a namesake, and not with another person's confirm", async () => {
    await addContact(id("con_name1"), "Nina Name", { email: `nina1.${lane}@life.example` });
    await addContact(id("con_name2"), "Nina Name", { email: `nina2.${lane}@life.example` });
    const alice = await openSession({ server: "crm", lane, as: "alice" });
    const bob = await openSession({ server: "crm", lane, as: "bob" });
    const shown = await alice.call("crm_erase_person", { contact_id: id("con_name1") });
    expect(shown.data.contact_ids).toEqual([id("con_name1")]);
    const wrong = { contact_id: id("con_name2"), confirm: shown.data.confirm };
    expect((await bob.call("crm_erase_person", wrong)).error).toMatchObject({ code: "conflict" });
    const sales = await openSession({ server: "crm", lane, as: "sam", role: "sales" });
    const names = (await sales.listTools()).map(({ name }: { name: string }) => name);
    expect(names).not.toContain("crm_erase_person");
  });
});
