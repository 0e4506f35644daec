import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { LANES, openSession, type TestSession } from "../support/session.ts";
import { addCompany, addContact, addDeal, addOwner } from "./rows.ts";

const one = (sql: string, ...values: string[]) =>
  env.CRM_DB.prepare(sql)
    .bind(...values)
    .first();

beforeAll(async () => {
  await addOwner("own_dora", "Dora Deal", "dora@deals.example");
  await addCompany("cmp_apex", "Apex GmbH", {
    domain: "apex.example",
    owner_id: "own_dora",
    region: "Europe",
  });
  await addCompany("cmp_twin1", "Twin AG");
  await addCompany("cmp_twin2", "Twin AG");
  await addContact("con_apex", "Ada Apex", { company_id: "cmp_apex", email: "ada@apex.example" });
  await addContact("con_other", "Otto Other", { company_id: "cmp_twin1", email: "otto@twin.example" });
});

async function importAll(session: TestSession, args: Record<string, unknown>) {
  const shown = await session.call("crm_import_csv", args);
  if (!shown.data?.confirm) return shown;
  return await session.call("crm_import_csv", { ...args, confirm: shown.data.confirm });
}

describe.each(LANES)("importing deals on the %s lane", (lane) => {
  const named = (name: string) => `${name} ${lane}`;

  it("finds company, owner and contact, begins the history, counts in the pipeline, and can be undone", async () => {
    const session = await openSession({ server: "crm", lane });
    const before = await session.call("crm_get_pipeline", { owner: "Dora" });
    const csv = [
      "Deal Name,Account Name,Amount,Currency,Stage,Close Date,Deal Owner,Contact Email",
      `${named("Rollout")},apex gmbh,"$12,500.50",USD,Proposal,2027-03-01,dora@deals.example,ADA@apex.example`,
      `${named("Pilot")},apex.example,900,,,2027-01-15,,`,
      `${named("Licence")},cmp_apex,"1,200",$,lead,2027-02-01,Dora Deal,con_apex`,
    ].join("\n");
    const { data } = await importAll(session, { record: "deal", csv });
    expect(data).toMatchObject({ create: 3, problems: [], written: 3, done: true });
    const read = (name: string) =>
      one(
        `SELECT id, company_id, contact_id, owner_id, region, stage, amount_cents, expected_close_on, closed_at, version
         FROM deals WHERE name = ?`,
        named(name),
      );
    const rollout = await read("Rollout");
    expect(rollout).toMatchObject({
      ...{ company_id: "cmp_apex", contact_id: "con_apex", owner_id: "own_dora", region: "Europe" },
      ...{ stage: "proposal", amount_cents: 1_250_050, expected_close_on: "2027-03-01" },
      ...{ closed_at: null, version: 1 },
    });
    expect(await read("Pilot")).toMatchObject({ stage: "lead", amount_cents: 90_000, owner_id: "own_dora" });
    expect(await read("Licence")).toMatchObject({ amount_cents: 120_000, contact_id: "con_apex" });
    const id = String(rollout?.id);
    expect(
      await one("SELECT from_stage, to_stage, changed_by_name FROM deal_stage_history WHERE deal_id = ?", id),
    ).toEqual({ from_stage: null, to_stage: "proposal", changed_by_name: "alice" });
    const after = await session.call("crm_get_pipeline", { owner: "Dora" });
    expect(JSON.stringify(after.data)).not.toBe(JSON.stringify(before.data));
    const undone = await session.call("crm_undo_change", { change_id: data.change_id });
    expect(undone.data).toMatchObject({ rows: 3 });
    expect(await read("Rollout")).toBeNull();
    expect(await one("SELECT 1 FROM deal_stage_history WHERE deal_id = ?", id)).toBeNull();
    const again = await session.call("crm_get_pipeline", { owner: "Dora" });
    expect(again.data).toEqual(before.data);
  });

  it("gives a remedy for each excluded row", async () => {
    const session = await openSession({ server: "crm", lane });
    const rows: [row: string, column: string, problem: string][] = [
      ["A,Nowhere Ltd,10,USD,lead,2027-01-01,,", "Company", "import or create it first"],
      ["B,Twin AG,10,USD,lead,2027-01-01,,", "Company", "give the id or the web domain"],
      ["C,cmp_apex,ten,USD,lead,2027-01-01,,", "Amount", "Expected an amount such as 1200"],
      ["D,cmp_apex,1.200,USD,lead,2027-01-01,,", "Amount", "no more than two decimals"],
      ["E,cmp_apex,10,EUR,lead,2027-01-01,,", "Currency", "kept in USD: convert"],
      ["F,cmp_apex,10,USD,won,2027-01-01,,", "Stage", "crm_move_deal closes it"],
      ["G,cmp_apex,10,USD,lead,01.02.2027,,", "Expected close", "YYYY-MM-DD"],
      ["H,cmp_apex,10,USD,lead,2027-01-01,Nobody,", "Owner", "give an e-mail address"],
      ["I,cmp_apex,10,USD,lead,2027-01-01,,none@apex.example", "Contact", "import or create it first"],
      ["J,cmp_apex,10,USD,lead,2027-01-01,,con_other", "Contact", "works for another company"],
      ["K,cmp_apex,-5,USD,lead,2027-01-01,,", "Amount", "without a sign"],
    ];
    const header = "Name,Company,Amount,Currency,Stage,Expected close,Owner,Contact";
    const csv = [header, ...rows.map(([row]) => row)].join("\n");
    const { data } = await session.call("crm_import_csv", { record: "deal", csv });
    expect(data).toMatchObject({ rows: rows.length, create: 0, done: false });
    expect(data.problems).toEqual(
      rows.map(([, column, problem], index) => ({
        ...{ row: index + 2, column },
        problem: expect.stringContaining(problem),
      })),
    );
    const missing = await session.call("crm_import_csv", { record: "deal", csv: "Name,Company\nA,B" });
    expect(missing.error?.message).toContain("name, company, amount and expected_close");
  });

  it("recognises a deal by its id, or by company and name, and changes everything but its stage", async () => {
    const id = `deal_known${lane}`;
    await addDeal(id, "cmp_apex", { name: named("Known"), owner_id: "own_dora" });
    const session = await openSession({ server: "crm", lane });
    const header = "id,name,company_id,stage,amount,expected_close";
    const skipped = await session.call("crm_import_csv", {
      record: "deal",
      csv: `${header}\n,${named("KNOWN")},cmp_apex,lead,5,2027-05-05\n${id},Other name,cmp_apex,lead,5,2027-05-05`,
    });
    expect(skipped.data).toMatchObject({
      ...{ create: 0, skip: 1, on_file: [{ row: 2, id, same: "name" }] },
      problems: [{ row: 3, column: "id", problem: "The same deal stands in row 2." }],
    });
    const update = { record: "deal", on_duplicate: "update" };
    const moved = await session.call("crm_import_csv", {
      ...update,
      csv: `${header}\n${id},Renamed,cmp_apex,negotiation,5,2027-05-05`,
    });
    expect(moved.data.problems[0].problem).toContain("in the stage lead: move it with crm_move_deal");
    const csv = `${header}\n${id},${named("Renamed")},cmp_apex,lead,5.25,2027-05-05`;
    const { data } = await importAll(session, { ...update, csv });
    expect(data).toMatchObject({ update: 1, written: 1 });
    const read = () => one("SELECT name, stage, amount_cents, owner_id, version FROM deals WHERE id = ?", id);
    expect(await read()).toEqual({
      ...{ name: named("Renamed"), stage: "lead", amount_cents: 525, owner_id: "own_dora", version: 2 },
    });
    await session.call("crm_undo_change", { change_id: data.change_id });
    expect(await read()).toMatchObject({ name: named("Known"), amount_cents: 100_000 });
  });

  it("imports a whole export, and recognises it the second time", async () => {
    const company = `cmp_round${lane}`;
    await addCompany(company, "Round Trip");
    await addCompany(`cmp_other${lane}`, "Round Trip");
    const contact = `con_round${lane}`;
    await addContact(contact, "Rita Round", { company_id: company, email: `rita.${lane}@round.example` });
    for (const [index, stage] of ["lead", "qualified", "proposal", "negotiation"].entries()) {
      const more = { stage, amount_cents: 100_050 + index, contact_id: contact, owner_id: "own_dora" };
      await addDeal(`deal_round${lane}${index}`, company, { name: "Renewal, =again", ...more });
    }
    const session = await openSession({ server: "crm", lane });
    const where = { company_id: company };
    const exported = await session.call("crm_export_csv", { record: "deal", where });
    const args = { record: "deal", csv: exported.data.csv };
    const known = await session.call("crm_import_csv", args);
    expect(known.data).toMatchObject({ create: 0, skip: 4, problems: [] });
    const read = async () => {
      const { results } = await env.CRM_DB.prepare(
        `SELECT name, company_id, contact_id, owner_id, stage, amount_cents, expected_close_on FROM deals
         WHERE company_id = ? ORDER BY amount_cents`,
      )
        .bind(company)
        .all();
      return results;
    };
    const before = await read();
    await env.CRM_DB.prepare("DELETE FROM deals WHERE company_id = ?").bind(company).run();
    const { data } = await importAll(session, args);
    expect(data).toMatchObject({ create: 4, problems: [], written: 4 });
    expect(await read()).toEqual(before);
  });
});

describe("amounts in a file", () => {
  it.each([
    [",", "1200", 120_000],
    [",", '"1,200"', 120_000],
    [",", '"1,234,567.89"', 123_456_789],
    [",", "US$ 5", 500],
    [";", "1.200", 120_000],
    [";", "1.234,5", 123_450],
    [";", "12,50", 1_250],
    [";", "1 234 USD", 123_400],
    [",", "1'234.50", 123_450],
    [";", "1,200", null],
    [",", "1.200", null],
    [",", "1e3", null],
    [",", "1.2.3", null],
  ])("between %s: %s is %s cents", async (delimiter, cell, cents) => {
    const session = await openSession({ server: "crm", lane: "stateless" });
    const lines = [
      ["name", "company", "amount", "expected_close"],
      [`Amount ${cents} ${cell.length} ${delimiter.codePointAt(0)}`, "cmp_apex", cell, "2027-01-01"],
    ];
    const csv = lines.map((cells) => cells.join(delimiter)).join("\n");
    const { data } = await importAll(session, { record: "deal", csv });
    expect(data.problems).toHaveLength(cents === null ? 1 : 0);
    const name = lines[1]?.[0] ?? "";
    const row = await one("SELECT amount_cents FROM deals WHERE name = ?", name);
    expect(row).toEqual(cents === null ? null : { amount_cents: cents });
  });
});
