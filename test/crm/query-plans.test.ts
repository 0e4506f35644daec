import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { countReads, type Statement } from "../../scripts/bench/count-reads.ts";
import { explainStatement, findFullScans } from "../../scripts/bench/query-plan.ts";
import { seedCrm } from "../../scripts/seed/crm.ts";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { masksOf } from "../../shared/policy/masks.ts";
import { foldAll } from "../../workers/crm/search/fold-pending.ts";
import type { DealFilter, DealSort } from "../../workers/crm/store/deal-filter.ts";
import { deleteCompany, deleteContact, deleteDeal } from "../../workers/crm/store/deletions.ts";
import { mergeContacts } from "../../workers/crm/store/duplicates.ts";
import type { Stamp } from "../../workers/crm/store/stamp.ts";
import { type CrmStore, openCrmStore } from "../../workers/crm/store.ts";

const BIG = [
  "contacts",
  "companies",
  "deals",
  "activities",
  "tasks",
  "deal_stage_history",
  "deal_counters",
  "idempotency_keys",
  "record_versions",
  "change_rows",
  "changes",
  "plans",
  "plan_parts",
  "kept_exports",
  "kept_export_parts",
  "contacts_fts",
  "contacts_names_fts",
  "contacts_phones",
  "companies_phones",
  "unfolded",
  "companies_fts",
  "deals_fts",
  "contacts_terms",
  "companies_terms",
  "deals_terms",
];
const counter = countReads(env.CRM_DB);
let statements: readonly Statement[] = [];

async function listWith(store: CrmStore, filter: Partial<DealFilter>, sort: DealSort) {
  for (const openOnly of [true, false]) {
    const page = await store.deals.list({ openOnly, ...filter }, sort, 5, undefined);
    if (page.next) await store.deals.list({ openOnly, ...filter }, sort, 5, page.next);
  }
}

/** Every operation on many rows at once. */
async function bulkAndFiles(
  store: CrmStore,
  stamp: Stamp,
  { companyId, ownerId, personId }: { companyId: string; ownerId: string; personId: string },
): Promise<void> {
  const first = await store.contacts.search({ text: "", facets: [], limit: 1 });
  await store.companies.search({ text: "", facets: [], limit: 1, after: first.next });
  for (const target of [store.contacts, store.companies, store.deals]) await target.getMany([personId]);
  const values = { column: "owner_id", value: ownerId };
  const preview = { rows: 1 };
  for (const table of ["contacts", "companies", "deals"] as const) {
    const id = `plan_${table}`;
    const plan = { id, tool: "t", arguments: "a", preview, changeId: `chg_bulk${table}` };
    await store.plans.create(plan, stamp);
    const made = await store.plans.read(id, stamp);
    if (made) await store.plans.extend(made, [["con_none", 1]], { preview, shown: "s" });
    const whole = await store.plans.read(id, stamp);
    if (whole) await store.bulk.runSlice(whole, { table, ...values }, { total: 1, args: {} }, stamp);
  }
  await store.plans.listSkipped("plan_contacts");
  await store.plans.listProblems("plan_contacts");
  await store.plans.stop("plan_contacts", stamp);
  await store.imports.findNamedCompanies(["Acme"]);
  await store.imports.findNamedContacts(["a@b.example", "con_x"]);
  await store.imports.findDomains(["acme.example"], "chg_x");
  await store.imports.findDeals([{ id: "deal_x", company_id: companyId, name: "Renewal" }], "chg_x");
  const person = {
    first_name: "A",
    last_name: "B",
    email: "a@b.example",
    phone: "0221 555019",
    company_id: companyId,
  };
  await store.imports.findTwins([person], "chg_x");
  const [known] = first.rows;
  const update = { row: 3, id: known?.id ?? "", same: "email" as const, version: known?.version ?? 0 };
  const deal = { name: "D", company_id: companyId, contact_id: null, amount_cents: 1, owner_id: null };
  const files = {
    contacts: {
      create: [{ row: 2, values: { ...person, title: null, owner_id: null } }],
      update: [{ ...update, values: { title: "T" } }],
    },
    companies: { create: [{ row: 2, values: { name: "Import", domain: "import.example" } }], update: [] },
    deals: {
      create: [{ row: 2, values: { ...deal, expected_close_on: "2027-01-01", stage: "lead" } }],
      update: [],
    },
  };
  for (const table of ["contacts", "companies", "deals"] as const) {
    const changeId = `chg_import${table}`;
    const plan = { id: `plan_import${table}`, tool: "t", arguments: "a", preview, changeId, shown: "s" };
    await store.plans.createWhole(plan, [{}], [{ row: 1 }], stamp);
    const whole = await store.plans.findByChange(changeId, stamp);
    const write = { userId: "user_x", key: changeId, tool: "t", fingerprint: "f" };
    const slice = { ...files[table], left: [], write, summary: "s" };
    expect(whole && (await store.imports.runSlice(table, whole, { ...slice, args: {} }, stamp))).toBe(
      "written",
    );
    await store.journal.describe(changeId);
    expect(await store.journal.undoNext(changeId, table === "deals", stamp)).toMatchObject({ more: 0 });
  }
  await store.keptExports.create("exp_x", "q", "s", stamp);
  const kept = await store.keptExports.read("exp_x", stamp);
  if (kept) await store.keptExports.add(kept, "a,b", 1, null);
  expect(await store.keptExports.readParts("exp_x", 0, 100)).toEqual(["a,b"]);
  await store.keptExports.sweep(new Date());
  await store.keptExports.remove("exp_x", stamp);
}

beforeAll(async () => {
  await seedCrm(env.CRM_DB, { asOf: new Date(), contacts: 300, report: () => {} });
  const store = openCrmStore(counter.db, masksOf(bundledPolicy(), "admin"));
  const [company] = await store.companies.listActive(1);
  const companyId = company?.id ?? "";
  const ownerId = company?.owner_id ?? "";
  const stamp = { userId: "user_x", name: "X", at: new Date().toISOString() };
  for (const target of [store.contacts, store.companies, store.deals]) {
    const first = await target.search({ text: "a", facets: [], limit: 2 });
    await target.search({ text: "a", facets: [], limit: 2, after: first.next });
    await target.search({ text: "xqzwv johnsonn", facets: [], limit: 2 });
    await target.search({ text: "", facets: [companyId], limit: 2 });
  }
  const places = { country: ["Germany"], city: ["Berlin"] };
  for (const target of [store.contacts, store.companies]) {
    await target.search({ text: "a", facets: [], places, limit: 2 });
    await target.search({ text: "", facets: [companyId], places, limit: 2 });
    await target.search({ text: "", facets: [], places: { industry: ["Energy"] }, limit: 2 });
    await target.search({ text: "+49 221 5550199", facets: [companyId], limit: 2 });
  }
  await env.CRM_DB.prepare(
    "INSERT INTO unfolded (kind, seq) VALUES ('contacts', 1), ('companies', 1), ('deals', 1)",
  ).run();
  expect(await foldAll(counter.db, 2)).toBe(3);
  const sorts: DealSort[] = ["amount", "closing", "untouched"];
  for (const sort of sorts) {
    await listWith(store, {}, sort);
    await listWith(store, { minCents: 10_000_000, untouchedSince: stamp.at }, sort);
    await listWith(store, { ownerId, stages: ["lead", "won"] }, sort);
    await listWith(store, { companyId }, sort);
    await listWith(store, { region: "Europe", closingTo: "2027-01-01", closingFrom: "2020-01-01" }, sort);
    await listWith(store, { closingTo: "2027-01-01", closingFrom: "2020-01-01" }, sort);
    await listWith(store, { createdTo: "2027-01-01", createdFrom: "2020-01-01" }, sort);
    await listWith(store, { match: '{name company} : ("a"*)' }, sort);
  }
  const [deal] = (await store.deals.list({ openOnly: true }, "amount", 1, undefined)).rows;
  const { rows: people } = await store.contacts.search({ text: "a", facets: [], limit: 1 });
  await store.deals.move(deal?.id ?? "", deal?.version ?? 1, "lost", "x", stamp);
  await store.deals.listStageChanges(deal?.id ?? "", 5);
  await store.deals.listRegions();
  for (const place of ["country", "city", "industry"] as const) {
    await store.places.find(place, "x");
    for (const table of ["contacts", "companies", "deals"] as const) {
      await store.places.count(table, { [place]: ["x"] });
    }
  }
  for (const owner of [undefined, ownerId]) {
    const days = { staleTo: "2026-01-01", today: "2026-01-01", closedFrom: "2020-01-01" };
    await store.counters.summarize(owner, days);
    await store.counters.listMonths(owner, { from: "2026-01-01", to: "2026-01-31" });
    await store.deals.listPage(
      { openOnly: true, ownerId: owner, untouchedSince: stamp.at },
      "untouched",
      5,
      undefined,
    );
  }
  await store.counters.listOwners();
  await store.findDuplicates({ afterSeq: 0 });
  await store.findDuplicates({ contactId: people[0]?.id ?? "" });
  for (const filter of [{}, { ownerId }, { companyId }, { dueFrom: "2020-01-01", dueTo: "2030-01-01" }]) {
    await store.tasks.listOpen(filter, 5, undefined);
  }
  await store.readOverview({ column: "company_id", id: companyId }, "2026-01-01");
  await store.readOverview({ column: "contact_id", id: people[0]?.id ?? "" }, "2026-01-01");
  await store.contacts.getByEmail("a@b.example");
  await store.companies.get(companyId);
  await store.companies.listByName("acme", 6);
  const person = { title: null, email: null, phone: null, company_id: companyId, owner_id: null };
  const write = { userId: "user_x", key: "k", tool: "t", fingerprint: "f" };
  await store.contacts.create("con_new", { first_name: "A", last_name: "B", ...person }, stamp, write);
  await store.contacts.update("con_new", 1, { title: "T" }, stamp);
  const activity = { id: "act_new", kind: "note" as const, subject: "s", body: null, occurred_at: stamp.at };
  await store.activities.log(
    { ...activity, company_id: companyId, contact_id: "con_new", deal_id: null },
    { title: "t", due_on: "2027-01-01", owner_id: null },
    stamp,
    undefined,
  );
  await store.activities.get("act_new");
  const columns = ["company_id", "contact_id", "deal_id"] as const;
  for (const column of columns) {
    await store.countDependents(column, companyId);
    const first = await store.activities.list({ column, id: companyId }, 1, undefined);
    if (first.next) await store.activities.list({ column, id: companyId }, 1, first.next);
  }
  const firm = { name: "N", domain: "n.example", industry: null, region: null, city: null, country: null };
  await store.companies.create(
    "cmp_new",
    { ...firm, employees: 1, phone: null, owner_id: null },
    stamp,
    undefined,
  );
  await store.companies.findByDomain("n.example");
  await store.companies.update("cmp_new", 1, { city: "X" }, stamp);
  const bare = { name: "D", company_id: "cmp_new", contact_id: null, owner_id: null, amount_cents: 1 };
  await store.deals.create(
    "deal_new",
    { ...bare, expected_close_on: "2027-01-01", stage: "lead" },
    stamp,
    undefined,
  );
  await store.deals.update("deal_new", 1, { name: "E" }, stamp);
  const links = { company_id: "cmp_new", contact_id: null, deal_id: "deal_new", owner_id: null };
  await store.tasks.create({ id: "task_made", title: "T", due_on: "2027-01-01", ...links }, stamp, undefined);
  await store.tasks.setDone("task_made", stamp.at);
  await store.tasks.get("task_made");
  const plans = { deal_new: deleteDeal, cmp_new: deleteCompany, con_new: deleteContact };
  for (const [id, plan] of Object.entries(plans)) {
    const column = id === "deal_new" ? "deal_id" : id === "cmp_new" ? "company_id" : "contact_id";
    const print = await store.readDependents(column, [id]);
    const change = store.journal.begin(`chg_${id}`, { id }).requireDependents(column, [id], print);
    await plan(change, id).run("delete", id, stamp);
  }
  for (const id of Object.keys(plans).reverse()) await store.journal.undoNext(`chg_${id}`, false, stamp);
  const fields = {
    title: null,
    email: null,
    phone: null,
    company_id: null,
    owner_id: null,
    last_activity_at: null,
  };
  const pair = ["con_new", people[0]?.id ?? ""];
  const print = await store.readDependents("contact_id", pair);
  const merge = store.journal.begin("chg_merge", {}).requireDependents("contact_id", pair, print);
  await mergeContacts(merge, "con_new", people[0]?.id ?? "", fields, stamp).run("merge", "m", stamp);
  await store.journal.list(5);
  await bulkAndFiles(store, stamp, { companyId, ownerId, personId: people[1]?.id ?? people[0]?.id ?? "" });
  const traces = await store.findTraces("con_new");
  await store.erasePerson(traces, stamp);
  await store.activities.getFollowUp("act_new");
  ({ statements } = counter.take());
});

describe("every statement of the CRM", () => {
  it("reaches large tables through an index", async () => {
    expect(statements.length).toBeGreaterThan(160);
    const offenders: string[] = [];
    for (const statement of statements) {
      const scans = findFullScans(await explainStatement(env.CRM_DB, statement), BIG);
      offenders.push(...scans.map(({ does, tables }) => `${does} of ${tables} in ${statement.sql}`));
    }
    expect(offenders).toEqual([]);
  });

  it("sorts only small groups: pages are read from an index in order", async () => {
    const pages = statements.filter(({ sql }) => /_fts MATCH|WITH hit AS/.test(sql));
    expect(pages.length).toBeGreaterThan(30);
    const sorted: string[] = [];
    for (const statement of pages) {
      // An owner's or a company's deals are few, and so are those of a period and of a text: the planner may sort them.
      if (
        /(owner|company)_id = |region = |closing_on <= \? AND closing_on >=|created_at <= |deals_fts MATCH \?\) AND/.test(
          statement.sql,
        )
      )
        continue;
      const plan = await explainStatement(env.CRM_DB, statement);
      // The result is one page: its few rows may be sorted again after the joins.
      const sorts = plan.filter((step) => step.does === "sort" && !step.over?.tables.includes("hit"));
      if (sorts.length > 0) sorted.push(statement.sql);
    }
    expect(sorted).toEqual([]);
  });

  it("skips no rows to reach a page", () => {
    expect(statements.filter(({ sql }) => /\bOFFSET\b/i.test(sql))).toEqual([]);
  });
});
