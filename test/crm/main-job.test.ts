import { beforeAll, describe, expect, it } from "vitest";
import { LANES, openSession } from "../support/session.ts";
import { addCompany, addContact, addDeal, addOwner, addTask, dayAhead, daysAgo } from "./rows.ts";

beforeAll(async () => {
  await addOwner("own_alice", "Alice Archer", "alice@people.example");
  await addOwner("own_bob", "Bob Baker", "bob@people.example");
  await addCompany("cmp_acme", "Acme Rockets", {
    domain: "acme.example",
    region: "Europe",
    city: "Köln",
    owner_id: "own_alice",
    last_activity_at: daysAgo(45),
  });
  await addCompany("cmp_globex", "Globex", { region: "North America", owner_id: "own_bob" });
  await addContact("con_jose", "José O'Brien", { company_id: "cmp_acme", email: "jose@acme.example" });
  await addDeal("deal_big", "cmp_acme", {
    amount_cents: 25_000_000,
    owner_id: "own_alice",
    stage: "proposal",
    last_activity_at: daysAgo(45),
    name: "Acme rollout",
  });
  await addDeal("deal_warm", "cmp_acme", { amount_cents: 15_000_000, last_activity_at: daysAgo(3) });
  await addDeal("deal_small", "cmp_globex", { amount_cents: 500_000, last_activity_at: daysAgo(90) });
  await addTask("task_late", dayAhead(-2), { company_id: "cmp_acme", owner_id: "own_alice" });
});

describe.each(LANES)("working with customers in the %s lane", (lane) => {
  it("finds a person by a prefix, without accent or apostrophe", async () => {
    const session = await openSession({ server: "crm", lane });
    for (const query of ["jose", "OBRI", "o'brien jos", "jose@acme.example", "rockets"]) {
      const { data } = await session.call("crm_find_contacts", { query });
      expect(data.contacts, query).toHaveLength(1);
      expect(data.contacts[0]).toMatchObject({ id: "con_jose", name: "José O'Brien", version: 1 });
    }
    await session.close();
  });

  it("shows a summary of a customer by name, and again as the recent one", async () => {
    const session = await openSession({ server: "crm", lane });
    const { data } = await session.call("crm_get_customer", { customer: "acme rockets" });
    expect(data).toMatchObject({
      company: { id: "cmp_acme", owner: "Alice Archer" },
      people: [{ id: "con_jose", email: "jose@acme.example" }],
      open_deals_total: 2,
      open_amount: 400_000,
      open_tasks: [{ id: "task_late", overdue: true }],
      health: { status: "at_risk" },
    });
    const again = await session.call("crm_get_customer");
    expect(again.data.company.id).toBe("cmp_acme");
    await session.close();
  });

  it("lists deals over 100,000 without an activity for 30 days, with their sum", async () => {
    const session = await openSession({ server: "crm", lane });
    const { data } = await session.call("crm_list_deals", { min_amount: 100_000, untouched_for_days: 30 });
    expect(data.deals.map(({ id }: { id: string }) => id)).toEqual(["deal_big"]);
    expect(data.deals[0]).toMatchObject({ amount: 250_000, days_untouched: 45, owner: "Alice Archer" });
    expect(data.totals).toEqual({ deals: 1, amount: 250_000, currency: "USD", complete: true });
    await session.close();
  });

  it("takes the owner from the session's defaults, and everyone for «any»", async () => {
    const session = await openSession({ server: "crm", lane });
    await session.call("context_set", { defaults: { owner: "me" } });
    const mine = await session.call("crm_list_deals");
    expect(mine.data.deals.map(({ id }: { id: string }) => id)).toEqual(["deal_big"]);
    const all = await session.call("crm_list_deals", { owner: "any" });
    expect(all.data.totals.deals).toBe(3);
    await session.call("context_clear");
    await session.close();
  });

  it("reads companies, deals and the pipeline as resources, and completes them by name", async () => {
    const session = await openSession({ server: "crm", lane });
    const [company] = await session.readResource("crm://companies/cmp_acme");
    expect(JSON.parse(company.text)).toMatchObject({
      company: { name: "Acme Rockets" },
      open_deals_total: 2,
    });
    expect(company.text).not.toContain("jose@acme.example");
    const [deal] = await session.readResource("crm://deals/deal_big");
    expect(JSON.parse(deal.text)).toMatchObject({ stage: "proposal", amount: 250_000, history: [] });
    const [pipeline] = await session.readResource("crm://pipeline");
    expect(JSON.parse(pipeline.text)).toMatchObject({ open_deals: 3, open_amount: 405_000 });
    const ref = { type: "ref/resource", uri: "crm://companies/{id}" };
    expect((await session.complete(ref, { name: "id", value: "acm" })).values).toEqual(["cmp_acme"]);
    await session.close();
  });

  it("prepares a meeting and a pipeline review with the figures attached", async () => {
    const session = await openSession({ server: "crm", lane });
    const meeting = await session.getPrompt("crm_prepare_meeting", { customer: "jose@acme.example" });
    expect(meeting.messages[0].content.text).toContain("Acme Rockets");
    expect(meeting.messages[1].content.resource.uri).toBe("crm://companies/cmp_acme");
    const review = await session.getPrompt("crm_review_pipeline", { owner: "me" });
    expect(JSON.parse(review.messages[1].content.resource.text)).toMatchObject({ open_amount: 250_000 });
    const account = await session.getPrompt("crm_review_account", { customer: "Acme Rockets" });
    expect(account.messages[0].content.text).toContain("company_id cmp_acme and open_only false");
    expect(account.messages[1].content.resource.uri).toBe("crm://companies/cmp_acme");
    for (const name of ["crm_prepare_meeting", "crm_review_account"]) {
      const { values } = await session.complete(
        { type: "ref/prompt", name },
        { name: "customer", value: "acm" },
      );
      expect(values[0], name).toBe("Acme Rockets");
    }
    await session.close();
  });
});
