import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { LANES, openSession } from "../support/session.ts";
import { addCompany, addContact, addDeal, addOwner, addTask, dayAhead } from "./rows.ts";

beforeAll(async () => {
  await addOwner("own_alice", "Alice Archer", "alice@people.example");
  await addCompany("cmp_acme", "Acme Rockets", { owner_id: "own_alice", region: "Europe" });
  await addCompany("cmp_globex", "Globex");
});

describe.each(LANES)("companies, deals and tasks in the %s lane", (lane) => {
  const id = (name: string) => `${name}${lane}`;

  it("creates a company once, and refuses a web domain that is on file", async () => {
    const session = await openSession({ server: "crm", lane });
    const args = {
      name: id("Initech "),
      domain: `https://www.${id("initech")}.example/about`,
      region: "Europe",
      idempotency_key: id("key-company-"),
    };
    const first = await session.call("crm_create_company", args);
    expect(first.data).toMatchObject({
      replayed: false,
      company: { domain: `${id("initech")}.example`, owner: "Alice Archer", version: 1 },
    });
    const again = await session.call("crm_create_company", args);
    expect(again.data).toEqual({ ...first.data, replayed: true });
    const twice = await session.call("crm_create_company", { ...args, idempotency_key: undefined });
    expect(twice.error).toMatchObject({ code: "conflict" });
    expect(twice.error?.message).toContain(first.data.company.id);
    const found = await session.call("crm_find_companies", { query: id("initech") });
    expect(found.data.companies[0].id).toBe(first.data.company.id);
  });

  it("lets one of two users change a company, and shows the other both versions", async () => {
    await addCompany(id("cmp_race"), "Race Ltd", { city: "Bonn" });
    const people = await Promise.all(["alice", "bob"].map((as) => openSession({ server: "crm", lane, as })));
    const answers = await Promise.all(
      people.map((session, index) =>
        session.call("crm_update_company", { company_id: id("cmp_race"), version: 1, city: `City ${index}` }),
      ),
    );
    const winner = answers.find(({ isError }) => !isError);
    const loser = answers.find(({ isError }) => isError);
    expect(winner?.data.company).toMatchObject({ version: 2 });
    expect(loser?.error?.code).toBe("conflict");
    const stored = winner?.data.company.city;
    const refused = stored === "City 0" ? "City 1" : "City 0";
    expect(loser?.error?.message).toContain(`{"current":{"city":"${stored}"},"yours":{"city":"${refused}"}}`);
    const old = await env.CRM_DB.prepare("SELECT version, snapshot FROM record_versions WHERE record_id = ?")
      .bind(id("cmp_race"))
      .all<{ version: number; snapshot: string }>();
    expect(old.results).toHaveLength(1);
    expect(JSON.parse(old.results[0]?.snapshot ?? "")).toMatchObject({ name: "Race Ltd", city: "Bonn" });
  });

  it("creates a deal in its first stage with its history, once per key even ten times at once", async () => {
    const session = await openSession({ server: "crm", lane });
    const args = {
      name: id("Rollout "),
      company_id: "cmp_acme",
      amount: 120_000.5,
      expected_close: dayAhead(40),
      idempotency_key: id("key-for-deal-"),
    };
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => session.call("crm_create_deal", args)),
    );
    expect(new Set(answers.map(({ data }) => data.deal.id)).size).toBe(1);
    expect(answers.filter(({ data }) => !data.replayed)).toHaveLength(1);
    const { deal } = answers[0]?.data ?? {};
    expect(deal).toMatchObject({ stage: "lead", amount: 120_000.5, owner: "Alice Archer", version: 1 });
    const [document] = await session.readResource(`crm://deals/${deal.id}`);
    expect(JSON.parse(document.text).history).toMatchObject([{ from: null, to: "lead", by: "alice" }]);
    const europe = await session.call("crm_list_deals", { region: "Europe", min_amount: 120_000 });
    expect(europe.data.deals.map((row: { id: string }) => row.id)).toContain(deal.id);
  });

  it("changes a deal of the version that was read, and takes only people of its company", async () => {
    await addDeal(id("deal_edit"), "cmp_acme");
    await addContact(id("con_globex"), "Gil Globex", { company_id: "cmp_globex" });
    await addContact(id("con_acme"), "Amy Acme", { company_id: "cmp_acme" });
    const session = await openSession({ server: "crm", lane, as: "bob" });
    const change = (version: number, fields: object) =>
      session.call("crm_update_deal", { deal_id: id("deal_edit"), version, ...fields });
    const stranger = await change(1, { contact_id: id("con_globex") });
    expect(stranger.error?.message).toContain("do not belong to the same company");
    const changed = await change(1, { amount: 7_000, contact_id: id("con_acme"), owner: "alice" });
    expect(changed.data.deal).toMatchObject({ amount: 7_000, owner: "Alice Archer", version: 2 });
    const late = await change(1, { amount: 9_000 });
    expect(late.error?.message).toContain(
      '{"current":{"amount_cents":700000},"yours":{"amount_cents":900000}}',
    );
    expect((await change(2, {})).error?.message).toContain("at least one field");
  });

  it("creates a task for the customer's owner, completes it once, and opens it again", async () => {
    const session = await openSession({ server: "crm", lane, as: "bob" });
    const args = {
      title: id("Call back "),
      due: dayAhead(2),
      company_id: "cmp_acme",
      idempotency_key: id("key-for-task-"),
    };
    const { data } = await session.call("crm_create_task", args);
    expect(data).toMatchObject({ replayed: false, task: { owner: "Alice Archer", overdue: false } });
    expect((await session.call("crm_create_task", args)).data).toMatchObject({ replayed: true });
    const tick = (done?: boolean) =>
      session.call("crm_complete_task", { task_id: data.task.id, ...(done !== undefined && { done }) });
    expect((await tick()).data).toMatchObject({ done: true, changed: true });
    expect((await tick()).data).toMatchObject({ done: true, changed: false });
    const listed = async () =>
      (await session.call("crm_list_tasks", { company_id: "cmp_acme", limit: 50 })).data.tasks.map(
        (task: { id: string }) => task.id,
      );
    expect(await listed()).not.toContain(data.task.id);
    expect((await tick(false)).data).toMatchObject({ done: false, changed: true });
    expect(await listed()).toContain(data.task.id);
    const unknown = await session.call("crm_complete_task", { task_id: "task_none" });
    expect(unknown.error).toMatchObject({ code: "not_found" });
  });

  it("keeps one user's key from finding another's company, deal or task", async () => {
    const alice = await openSession({ server: "crm", lane, as: "alice" });
    const bob = await openSession({ server: "crm", lane, as: "bob" });
    const key = { idempotency_key: id("one-key-of-two-") };
    const deal = { name: "D", company_id: "cmp_globex", amount: 1, expected_close: dayAhead(9), ...key };
    const hers = await alice.call("crm_create_deal", deal);
    const his = await bob.call("crm_create_deal", deal);
    expect(his.data.replayed).toBe(false);
    expect(his.data.deal.id).not.toBe(hers.data.deal.id);
    const misused = await alice.call("crm_create_task", {
      title: "T",
      due: dayAhead(1),
      company_id: "cmp_acme",
      ...key,
    });
    expect(misused.error).toMatchObject({ code: "conflict" });
  });

  it("lists activities with their text, newest first, page by page", async () => {
    await addCompany(id("cmp_talk"), "Talk Ltd");
    const session = await openSession({ server: "crm", lane });
    for (const day of [3, 1, 2]) {
      await session.call("crm_log_activity", {
        kind: "note",
        subject: `Note ${day}`,
        body: `Said ${day} days ago`,
        occurred_at: dayAhead(-day),
        company_id: id("cmp_talk"),
      });
    }
    const first = await session.call("crm_list_activities", { of: id("cmp_talk"), limit: 2 });
    expect(first.data.activities).toMatchObject([
      { subject: "Note 1", text: "Said 1 days ago", by: "alice" },
      { subject: "Note 2" },
    ]);
    const rest = await session.call("crm_list_activities", {
      of: id("cmp_talk"),
      limit: 2,
      cursor: first.data.next_cursor,
    });
    expect(rest.data.activities.map(({ subject }: { subject: string }) => subject)).toEqual(["Note 3"]);
    expect(rest.data.next_cursor).toBeUndefined();
    const unknown = await session.call("crm_list_activities", { of: "cmp_none" });
    expect(unknown.error).toMatchObject({ code: "not_found" });
  });

  it("offers a viewer none of the writes, and lets one read activities", async () => {
    await addTask(id("task_view"), dayAhead(1), { company_id: "cmp_acme" });
    const viewer = await openSession({
      server: "crm",
      lane,
      as: "vera",
      role: "viewer",
      scopes: ["crm:read"],
    });
    const names = (await viewer.listTools()).map(({ name }: { name: string }) => name);
    expect(names).toContain("crm_list_activities");
    expect(names.filter((name: string) => /_(create|update|complete|move|log)_/.test(name))).toEqual([]);
    const refused = await viewer.call("crm_complete_task", { task_id: id("task_view") });
    expect(refused.error?.code).toBe("forbidden");
  });
});
