import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { seedCrm } from "../../scripts/seed/crm.ts";
import { openSession } from "../support/session.ts";
import { countRows } from "./rows.ts";

const AS_OF = new Date("2026-11-21T00:00:00Z");
const TABLES = ["owners", "companies", "contacts", "deals", "deal_stage_history", "activities", "tasks"];

async function readAll(): Promise<Record<string, unknown[]>> {
  const answers = await env.CRM_DB.batch(TABLES.map((table) => env.CRM_DB.prepare(`SELECT * FROM ${table}`)));
  return Object.fromEntries(TABLES.map((table, index) => [table, answers[index]?.results ?? []]));
}

beforeAll(async () => {
  await seedCrm(env.CRM_DB, { asOf: AS_OF, contacts: 500, report: () => {} });
});

describe("the demonstration data", () => {
  it("is the same for the same day", async () => {
    const before = await readAll();
    await env.CRM_DB.batch(TABLES.toReversed().map((table) => env.CRM_DB.prepare(`DELETE FROM ${table}`)));
    await seedCrm(env.CRM_DB, { asOf: AS_OF, contacts: 500, report: () => {} });
    expect(await readAll()).toEqual(before);
    expect(before.contacts).toHaveLength(500);
    expect(before.companies).toHaveLength(100);
    expect(before.deals).toHaveLength(150);
  });

  it("contains no real address: every one ends in a reserved name", async () => {
    expect(await countRows("contacts WHERE email NOT LIKE '%.example'")).toBe(0);
    expect(await countRows("companies WHERE domain NOT LIKE '%.example'")).toBe(0);
    expect(await countRows("owners WHERE email NOT LIKE '%.example'")).toBe(0);
  });

  it("has the flaws of a real CRM: gaps, duplicates, and large stale deals", async () => {
    expect(await countRows("contacts WHERE phone IS NULL")).toBeGreaterThan(50);
    expect(await countRows("contacts WHERE email IS NULL")).toBeGreaterThan(5);
    const doubles = "SELECT 1 FROM contacts GROUP BY company_id, first_name, last_name HAVING count(*) > 1";
    expect(await countRows(`(${doubles})`)).toBeGreaterThan(0);
    const cold = "closed_at IS NULL AND amount_cents >= 10000000 AND last_activity_at < '2026-10-22'";
    expect(await countRows(`deals WHERE ${cold}`)).toBeGreaterThan(0);
    expect(await countRows("companies WHERE last_activity_at IS NULL")).toBeGreaterThan(0);
  });

  it("has consistent histories", async () => {
    expect(await countRows("deals WHERE created_at > stage_since OR stage_since > last_activity_at")).toBe(0);
    expect(await countRows("deals WHERE last_activity_at > '2026-11-21'")).toBe(0);
    expect(
      await countRows(
        "activities a JOIN deals d ON d.id = a.deal_id WHERE a.occurred_at > d.last_activity_at",
      ),
    ).toBe(0);
    const last =
      "(SELECT to_stage FROM deal_stage_history h WHERE h.deal_id = d.id ORDER BY seq DESC LIMIT 1)";
    expect(await countRows(`deals d WHERE stage <> ${last}`)).toBe(0);
    expect(
      await countRows(
        `companies c WHERE last_activity_at <> (SELECT max(occurred_at) FROM activities WHERE company_id = c.id)`,
      ),
    ).toBe(0);
  });

  it("refuses an invalid size", async () => {
    const load = (contacts: number) => seedCrm(env.CRM_DB, { asOf: AS_OF, contacts, report: () => {} });
    await expect(load(0)).rejects.toThrow(RangeError);
    await expect(load(1_000_001)).rejects.toThrow(RangeError);
  });
});

/** A stored deal. */
interface Deal {
  owner: string | null;
  stage: string;
  amount_cents: number;
  created_at: string;
  closed_at: string | null;
  last_activity_at: string;
  expected_close_on: string;
}

const CHANCE: Record<string, number> = { lead: 0.1, qualified: 0.25, proposal: 0.5, negotiation: 0.75 };

describe("the pipeline of the demonstration data", () => {
  it("has the figures of a plain computation over its deals", async () => {
    const { results: deals } = await env.CRM_DB.prepare(
      "SELECT d.*, o.name AS owner FROM deals d LEFT JOIN owners o ON o.id = d.owner_id",
    ).all<Deal>();
    const session = await openSession({ server: "crm", lane: "stateless" });
    const { data } = await session.call("crm_get_pipeline", { days: 365 });
    const day = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
    const sum = (rows: Deal[], weigh: (deal: Deal) => number = () => 1) =>
      rows.reduce((total, deal) => total + deal.amount_cents * weigh(deal), 0) / 100;
    const open = deals.filter(({ closed_at }) => closed_at === null);
    const weigh = ({ stage }: Deal) => CHANCE[stage] ?? 0;
    expect(data).toMatchObject({ open_deals: open.length, open_amount: sum(open) });
    expect(data.forecast).toBeCloseTo(sum(open, weigh), 0);
    for (const stage of data.stages) {
      const here = open.filter((deal) => deal.stage === stage.stage);
      const stale = here.filter((deal) => deal.last_activity_at.slice(0, 10) <= day(30));
      expect(stage).toMatchObject({ deals: here.length, amount: sum(here) });
      expect(stage).toMatchObject({ stale_deals: stale.length, stale_amount: sum(stale) });
      expect(stage.late_deals).toBe(here.filter((deal) => deal.expected_close_on < day(0)).length);
      expect(stage.forecast).toBeCloseTo(sum(here, weigh), 0);
    }
    const owners = [...Map.groupBy(open, ({ owner }) => owner)]
      .map(([owner, rows]) => ({ owner, deals: rows.length, amount: sum(rows), forecast: sum(rows, weigh) }))
      .sort((one, other) => other.forecast - one.forecast)
      .slice(0, 10);
    expect(data.owners.map(({ owner }: { owner: string }) => owner)).toEqual(
      owners.map(({ owner }) => owner),
    );
    for (const [index, { forecast, ...exact }] of owners.entries()) {
      expect(data.owners[index]).toMatchObject(exact);
      expect(data.owners[index].forecast).toBeCloseTo(forecast, 0);
    }
    const closed = deals.filter(({ closed_at }) => closed_at !== null && closed_at.slice(0, 10) >= day(365));
    const won = closed.filter(({ stage }) => stage === "won");
    const days = won.map(
      ({ created_at, closed_at }) => (Date.parse(closed_at ?? "") - Date.parse(created_at)) / 86_400_000,
    );
    expect(won.length).toBeGreaterThan(10);
    expect(data.results).toMatchObject({
      won: won.length,
      lost: closed.length - won.length,
      won_amount: sum(won),
    });
    expect(data.results.win_rate).toBeCloseTo(won.length / closed.length, 3);
    expect(data.results.cycle_days).toBeCloseTo(
      days.reduce((total, each) => total + each, 0) / won.length,
      1,
    );
  });
});
