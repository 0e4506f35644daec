import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { LANES, openSession } from "../support/session.ts";
import { addCompany, addContact, addDeal, addOwner, dayAhead, daysAgo } from "./rows.ts";

beforeAll(async () => {
  await addOwner("own_alice", "Alice Archer", "alice@people.example");
  await addCompany("cmp_acme", "Acme Rockets", { owner_id: "own_alice" });
  await addCompany("cmp_globex", "Globex");
});

describe.each(LANES)("writing in the %s lane", (lane) => {
  const id = (name: string) => `${name}${lane}`;
  const address = (name: string) => `${name}.${lane}@acme.example`;

  it("creates a contact for the caller's customers and stores its author", async () => {
    const session = await openSession({ server: "crm", lane });
    const { data } = await session.call("crm_create_contact", {
      first_name: "Ann",
      last_name: "Created",
      email: address("Ann").toUpperCase(),
      company_id: "cmp_acme",
    });
    expect(data).toMatchObject({
      replayed: false,
      contact: { name: "Ann Created", email: address("ann"), owner: "Alice Archer", version: 1 },
    });
    const row = await env.CRM_DB.prepare("SELECT created_by, created_by_name FROM contacts WHERE id = ?")
      .bind(data.contact.id)
      .first();
    expect(row).toEqual({ created_by: "user_alice", created_by_name: "alice" });
    const found = await session.call("crm_find_contacts", { query: address("ann") });
    expect(found.data.contacts[0].id).toBe(data.contact.id);
  });

  it("refuses a known e-mail address, naming the contact that has it", async () => {
    await addContact(id("con_holder"), "Hal Holder", { email: address("holder") });
    const session = await openSession({ server: "crm", lane });
    const twice = { first_name: "Hal", last_name: "Again", email: address("Holder") };
    const created = await session.call("crm_create_contact", twice);
    expect(created.error?.code).toBe("conflict");
    expect(created.error?.message).toContain(id("con_holder"));

    await addContact(id("con_other"), "Olga Other");
    const change = { contact_id: id("con_other"), version: 1, email: address("holder") };
    const updated = await session.call("crm_update_contact", change);
    expect(updated.error?.message).toContain(id("con_holder"));
    const stored = await env.CRM_DB.prepare("SELECT count(*) AS n FROM record_versions WHERE record_id = ?");
    expect(await stored.bind(id("con_other")).first("n")).toBe(0);
  });

  it("repeats a creation under the same key without a second contact, even twenty at once", async () => {
    const session = await openSession({ server: "crm", lane });
    const args = {
      first_name: "Ida",
      last_name: "Potent",
      email: address("ida"),
      idempotency_key: id("key-for-ida-"),
    };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => session.call("crm_create_contact", args)),
    );
    const ids = new Set(answers.map(({ data }) => data?.contact.id));
    expect([...ids]).toHaveLength(1);
    expect(answers.filter(({ data }) => data.replayed === false)).toHaveLength(1);
    const other = await session.call("crm_create_contact", { ...args, first_name: "Ines" });
    expect(other.error).toMatchObject({ code: "conflict" });
    expect(other.error?.message).toContain("idempotency_key");
  });

  it("keeps the keys of two users apart", async () => {
    const alice = await openSession({ server: "crm", lane, as: "alice" });
    const bob = await openSession({ server: "crm", lane, as: "bob" });
    const key = id("shared-key-");
    const args = { first_name: "Kim", last_name: "Key", idempotency_key: key };
    const hers = await alice.call("crm_create_contact", args);
    const his = await bob.call("crm_create_contact", args);
    const different = await bob.call("crm_create_contact", { ...args, idempotency_key: `${key}-2` });
    expect(his.data.replayed).toBe(false);
    expect(new Set([hers, his, different].map(({ data }) => data.contact.id)).size).toBe(3);
    const log = {
      kind: "note",
      subject: "Bob's own",
      company_id: "cmp_globex",
      idempotency_key: `${key}-log`,
    };
    const first = await alice.call("crm_log_activity", { ...log, subject: "Alice's own" });
    const second = await bob.call("crm_log_activity", log);
    expect(second.data.activity).toMatchObject({ subject: "Bob's own" });
    expect(second.data.activity.id).not.toBe(first.data.activity.id);
  });

  it("changes fields of the version that was read, clears with null, and keeps the old values", async () => {
    await addContact(id("con_edit"), "Eddy Edit", { phone: "+49 221 1234", title: "Buyer" });
    const session = await openSession({ server: "crm", lane, as: "bob" });
    const args = { contact_id: id("con_edit"), version: 1, title: "Head of Purchasing", phone: null };
    const { data } = await session.call("crm_update_contact", args);
    expect(data.contact).toMatchObject({ title: "Head of Purchasing", phone: null, version: 2 });
    const old = await env.CRM_DB.prepare(
      "SELECT version, snapshot, replaced_by FROM record_versions WHERE record_id = ?",
    )
      .bind(id("con_edit"))
      .first<{ version: number; snapshot: string; replaced_by: string }>();
    expect(old).toMatchObject({ version: 1, replaced_by: "user_bob" });
    expect(JSON.parse(old?.snapshot ?? "")).toMatchObject({ title: "Buyer", phone: "+49 221 1234" });
    const found = await session.call("crm_find_contacts", { query: "eddy edit" });
    expect(found.data.contacts.length).toBeGreaterThan(0);
  });

  it("lets exactly one of many parallel changes through, and tells the others the current state", async () => {
    await addContact(id("con_race"), "Rae Race", { title: "Start" });
    const session = await openSession({ server: "crm", lane });
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        session.call("crm_update_contact", {
          contact_id: id("con_race"),
          version: 1,
          title: `Title ${index}`,
        }),
      ),
    );
    const [winner, ...more] = answers.filter(({ isError }) => !isError);
    expect(more).toEqual([]);
    const losers = answers.flatMap(({ error }) => (error ? [error] : []));
    expect(losers).toHaveLength(9);
    for (const error of losers) {
      expect(error.code).toBe("conflict");
      expect(error.message).toContain("version 2");
      expect(error.message).toContain(winner?.data.contact.title);
    }
  });

  it("moves a deal step by step, with history, a reason for a loss, and no impossible step", async () => {
    await addDeal(id("deal_walk"), "cmp_acme");
    const session = await openSession({ server: "crm", lane });
    const move = (version: number, stage: string, reason?: string) =>
      session.call("crm_move_deal", { deal_id: id("deal_walk"), version, stage, ...(reason && { reason }) });
    const tooFar = await move(1, "won");
    expect(tooFar.error).toMatchObject({ code: "invalid_input" });
    expect(tooFar.error?.suggested_action).toContain("qualified, lost");
    expect((await move(1, "qualified")).data).toMatchObject({ from: "lead", deal: { version: 2 } });
    expect((await move(1, "proposal")).error?.message).toContain('"stage":"qualified"');
    expect((await move(2, "lost")).error?.message).toContain("needs a reason");
    expect((await move(2, "lost", "Too expensive")).isError).toBe(false);
    expect((await move(3, "lost", "Too expensive")).error?.code).toBe("conflict");
    const [document] = await session.readResource(`crm://deals/${id("deal_walk")}`);
    expect(JSON.parse(document.text)).toMatchObject({
      stage: "lost",
      close_reason: "Too expensive",
      history: [
        { from: "qualified", to: "lost", by: "alice" },
        { from: "lead", to: "qualified" },
      ],
    });
  });

  it("lets exactly one of two people move a deal", async () => {
    await addDeal(id("deal_race"), "cmp_acme", { stage: "negotiation" });
    const people = await Promise.all(["alice", "bob"].map((as) => openSession({ server: "crm", lane, as })));
    const answers = await Promise.all(
      people.map((session, index) =>
        session.call("crm_move_deal", {
          deal_id: id("deal_race"),
          version: 1,
          stage: index === 0 ? "won" : "proposal",
        }),
      ),
    );
    expect(answers.map(({ isError }) => isError).sort()).toEqual([false, true]);
    const steps = env.CRM_DB.prepare("SELECT count(*) AS n FROM deal_stage_history WHERE deal_id = ?");
    expect(await steps.bind(id("deal_race")).first("n")).toBe(1);
  });

  it("logs an activity on a deal, which updates its company and adds the follow-up", async () => {
    await addCompany(id("cmp_quiet"), "Quiet Ltd");
    await addDeal(id("deal_quiet"), id("cmp_quiet"), { last_activity_at: daysAgo(60) });
    const session = await openSession({ server: "crm", lane });
    const args = {
      kind: "call",
      subject: "Budget is approved",
      deal_id: id("deal_quiet"),
      follow_up: { title: "Send the contract", due: dayAhead(3) },
      idempotency_key: id("key-for-call-"),
    };
    const first = await session.call("crm_log_activity", args);
    const again = await session.call("crm_log_activity", args);
    expect(again.data).toEqual({ ...first.data, replayed: true });
    const { data } = await session.call("crm_get_customer", { customer: id("cmp_quiet") });
    expect(data).toMatchObject({
      open_deals: [{ days_untouched: 0 }],
      recent_activities: [{ subject: "Budget is approved", by: "alice", days_ago: 0 }],
      open_tasks: [{ title: "Send the contract", due: dayAhead(3), owner: "Alice Archer" }],
      health: { status: "good" },
    });
    expect(data.recent_activities).toHaveLength(1);
  });

  it("does not move the last contact back when an old activity is logged late", async () => {
    await addCompany(id("cmp_late"), "Late Ltd");
    const session = await openSession({ server: "crm", lane });
    const log = (subject: string, at: string) =>
      session.call("crm_log_activity", {
        kind: "email",
        subject,
        company_id: id("cmp_late"),
        occurred_at: at,
      });
    await log("New", daysAgo(2));
    await log("Old", dayAhead(-40));
    const { data } = await session.call("crm_get_customer", { customer: id("cmp_late") });
    expect(data.company.last_activity).toBe(dayAhead(-2));
    expect(data.recent_activities.map(({ subject }: { subject: string }) => subject)).toEqual(["New", "Old"]);
  });

  it("offers no write to a token that may only read, and refuses one", async () => {
    const session = await openSession({ server: "crm", lane, role: "viewer", scopes: ["crm:read"] });
    const names = (await session.listTools()).map(({ name }: { name: string }) => name);
    expect(names).toContain("crm_list_deals");
    expect(names).not.toContain("crm_move_deal");
    const args = { deal_id: "deal_x", version: 1, stage: "lost" };
    const { result, error, status } = await session.request("tools/call", {
      name: "crm_move_deal",
      arguments: args,
    });
    expect(result === undefined || result.isError, JSON.stringify({ status, error })).toBe(true);
  });
});
