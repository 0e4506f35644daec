import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { openSession, type TestSession } from "../support/session.ts";
import { addCompany, addContact, addDeal, addOwner } from "./rows.ts";

let session: TestSession;

beforeAll(async () => {
  await addOwner("own_none", "Salma Haddad", "salma@people.example");
  await addCompany("cmp_none1", "Rhein AG", {
    country: "Germany",
    city: "Köln",
    industry: "Energy",
    region: "Europe",
  });
  await addCompany("cmp_none2", "Isar AG", {
    country: "germany",
    city: "York",
    industry: "Retail",
    region: "Europe",
  });
  await addCompany("cmp_none3", "Hudson Inc", {
    country: "United States",
    city: "New York",
    region: "America",
  });
  for (const [index, company] of ["cmp_none1", "cmp_none1", "cmp_none2", "cmp_none3"].entries()) {
    await addContact(`con_none${index}`, `Person ${"ABCD"[index]}`, { company_id: company });
  }
  await addDeal("deal_none", "cmp_none1", { name: "Rhein AG: rollout", owner_id: "own_none" });
  session = await openSession({ server: "crm", lane: "stateless" });
});

/** The ids that a call chooses, in order. */
async function choose(record: string, where: Record<string, unknown>): Promise<string[]> {
  const { data } = await session.call("crm_export_csv", { record, where });
  const [, ...lines] = String(data.csv)
    .split("\r\n")
    .filter((line) => line !== "");
  return lines.map((line) => line.split(",")[0] ?? "").sort();
}

describe("people and companies", () => {
  it.each([
    ["contact", { country: "GERMANY" }, ["con_none0", "con_none1", "con_none2"]],
    ["contact", { country: "germany", city: "koln" }, ["con_none0", "con_none1"]],
    ["contact", { city: "York" }, ["con_none2"]],
    ["contact", { industry: "retail", query: "person" }, ["con_none2"]],
    ["contact", { company_id: "cmp_none1", city: "Köln" }, ["con_none0", "con_none1"]],
    ["company", { country: "Germany" }, ["cmp_none1", "cmp_none2"]],
    ["company", { industry: "energy", region: "Europe" }, ["cmp_none1"]],
    ["company", { query: "ag", city: "York" }, ["cmp_none2"]],
  ])("of kind %s are chosen by %o", async (record, where, expected) => {
    expect(await choose(record, where)).toEqual(expected);
  });

  it("are found by country, city and industry a page at a time", async () => {
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const { data } = await session.call("crm_find_contacts", {
        country: "Germany",
        limit: 1,
        ...(cursor && { cursor }),
      });
      ids.push(...data.contacts.map(({ id }: { id: string }) => id));
      cursor = data.next_cursor;
    } while (cursor !== undefined);
    expect(ids.sort()).toEqual(["con_none0", "con_none1", "con_none2"]);
  });
});

describe("a text that matches no field that it was given for", () => {
  it.each([
    [
      "crm_export_csv",
      { record: "contact", where: { query: "Germany" } },
      "a country of 3 contacts",
      "where.country",
    ],
    ["crm_export_csv", { record: "contact", where: { query: "koln" } }, "a city of 2 contacts", "where.city"],
    [
      "crm_export_csv",
      { record: "contact", where: { query: "person Energy" } },
      "an industry of 2",
      "where.industry",
    ],
    [
      "crm_export_csv",
      { record: "contact", where: { query: "Salma" } },
      "the owner Salma Haddad",
      "where.owner",
    ],
    ["crm_export_csv", { record: "deal", where: { query: "Europe" } }, "a region", "where.region"],
    ["crm_export_csv", { record: "deal", where: { query: "negotiation" } }, "a stage", "where.stage"],
    [
      "crm_export_csv",
      { record: "deal", where: { query: "Germany" } },
      "a country of 1 deals",
      "crm_find_companies",
    ],
    ["crm_export_csv", { record: "contact", where: { query: "qqqzzz" } }, "qqqzzz", "where.country"],
    [
      "crm_export_csv",
      { record: "contact", where: { country: "Köln" } },
      "a city and no country",
      "where.city",
    ],
    [
      "crm_export_csv",
      { record: "contact", where: { country: "Germny" } },
      "No company has the country",
      "Germany",
    ],
    [
      "crm_export_csv",
      { record: "contact", where: { company_id: "cmp_nowhere" } },
      "cmp_nowhere",
      "crm_find",
    ],
    ["crm_export_csv", { record: "deal", where: { region: "EMEA" } }, "EMEA", "Europe"],
    [
      "crm_bulk_update",
      { record: "contact", where: { query: "Germany" }, field: "title", value: "x" },
      "a country of 3 contacts",
      "where.country",
    ],
    ["crm_find_contacts", { query: "Germany" }, "a country of 3 contacts", "Use country"],
    ["crm_find_companies", { query: "Salma" }, "the owner Salma Haddad", "Use owner"],
    ["crm_list_deals", { query: "Europe" }, "a region", "Use region"],
    ["crm_list_deals", { company_id: "cmp_nowhere" }, "cmp_nowhere", "crm_find"],
    ["crm_list_tasks", { company_id: "cmp_nowhere" }, "cmp_nowhere", "crm_find"],
  ])("makes %s of %o say where it stands", async (tool, args, says, advises) => {
    const { error } = await session.call(tool, args);
    expect(error).toMatchObject({ code: "not_found" });
    expect(error?.message).toContain(says);
    expect(error?.suggested_action).toContain(advises);
  });

  it("leaves an empty list empty where no text is to blame", async () => {
    const { data } = await session.call("crm_list_deals", { min_amount: 900_000_000 });
    expect(data.totals.deals).toBe(0);
    await env.CRM_DB.prepare("DELETE FROM tasks").run();
    expect(
      (await session.call("crm_list_tasks", { company_id: "cmp_none1", owner: "any" })).data.tasks,
    ).toEqual([]);
  });
});
