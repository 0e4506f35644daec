import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { seedCrm } from "../../scripts/seed/crm.ts";
import { migrate } from "../support/migrate.ts";

const AS_OF = new Date("2026-11-21T00:00:00Z");
const TABLES = ["owners", "companies", "contacts", "deals", "deal_stage_history", "activities", "tasks"];

async function readAll(): Promise<Record<string, unknown[]>> {
  const answers = await env.CRM_DB.batch(TABLES.map((table) => env.CRM_DB.prepare(`SELECT * FROM ${table}`)));
  return Object.fromEntries(TABLES.map((table, index) => [table, answers[index]?.results ?? []]));
}

const count = (sql: string) => env.CRM_DB.prepare(`SELECT count(*) AS n FROM ${sql}`).first<number>("n");

beforeAll(async () => {
  await seedCrm(env.CRM_DB, { asOf: AS_OF, contacts: 500, report: () => {} });
});

describe("the demonstration data", () => {
  it("is the same for the same day", async () => {
    const before = await readAll();
    await reset();
    await migrate();
    await seedCrm(env.CRM_DB, { asOf: AS_OF, contacts: 500, report: () => {} });
    expect(await readAll()).toEqual(before);
    expect(before.contacts).toHaveLength(500);
    expect(before.companies).toHaveLength(100);
    expect(before.deals).toHaveLength(150);
  });

  it("writes to nobody: every address ends in a reserved name", async () => {
    expect(await count("contacts WHERE email NOT LIKE '%.example'")).toBe(0);
    expect(await count("companies WHERE domain NOT LIKE '%.example'")).toBe(0);
    expect(await count("owners WHERE email NOT LIKE '%.example'")).toBe(0);
  });

  it("has the flaws of a real CRM: gaps, doubles, and large deals that went cold", async () => {
    expect(await count("contacts WHERE phone IS NULL")).toBeGreaterThan(50);
    expect(await count("contacts WHERE email IS NULL")).toBeGreaterThan(5);
    const doubles = "SELECT 1 FROM contacts GROUP BY company_id, first_name, last_name HAVING count(*) > 1";
    expect(await count(`(${doubles})`)).toBeGreaterThan(0);
    const cold = "closed_at IS NULL AND amount_cents >= 10000000 AND last_activity_at < '2026-10-22'";
    expect(await count(`deals WHERE ${cold}`)).toBeGreaterThan(0);
    expect(await count("companies WHERE last_activity_at IS NULL")).toBeGreaterThan(0);
  });

  it("tells stories that hold together", async () => {
    expect(await count("deals WHERE created_at > stage_since OR stage_since > last_activity_at")).toBe(0);
    expect(await count("deals WHERE last_activity_at > '2026-11-21'")).toBe(0);
    expect(
      await count("activities a JOIN deals d ON d.id = a.deal_id WHERE a.occurred_at > d.last_activity_at"),
    ).toBe(0);
    const last =
      "(SELECT to_stage FROM deal_stage_history h WHERE h.deal_id = d.id ORDER BY seq DESC LIMIT 1)";
    expect(await count(`deals d WHERE stage <> ${last}`)).toBe(0);
    expect(
      await count(
        `companies c WHERE last_activity_at <> (SELECT max(occurred_at) FROM activities WHERE company_id = c.id)`,
      ),
    ).toBe(0);
  });

  it("refuses a size it was not made for", async () => {
    const load = (contacts: number) => seedCrm(env.CRM_DB, { asOf: AS_OF, contacts, report: () => {} });
    await expect(load(0)).rejects.toThrow(RangeError);
    await expect(load(1_000_001)).rejects.toThrow(RangeError);
  });
});
