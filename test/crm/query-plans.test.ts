import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { seedCrm } from "../../scripts/seed/crm.ts";
import type { DealFilter, DealSort } from "../../workers/crm/store/deal-filter.ts";
import { type CrmStore, openCrmStore } from "../../workers/crm/store.ts";

/** One statement as it was run. */
interface Statement {
  sql: string;
  values: unknown[];
}

const BIG = [
  "contacts",
  "companies",
  "deals",
  "activities",
  "tasks",
  "deal_stage_history",
  "deal_counters",
  "idempotency_keys",
];
const statements: Statement[] = [];

/** The database with every statement written down. */
function recordStatements(db: D1Database): D1Database {
  return new Proxy(db, {
    get(target, property) {
      if (property !== "prepare") return Reflect.get(target, property).bind(target);
      return (sql: string) => {
        const statement = target.prepare(sql);
        const bind = statement.bind.bind(statement);
        statement.bind = (...values: unknown[]) => {
          statements.push({ sql, values });
          return bind(...values);
        };
        return statement;
      };
    },
  });
}

async function explain({ sql, values }: Statement): Promise<string[]> {
  const { results } = await env.CRM_DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .bind(...values)
    .all<{ detail: string }>();
  return results.map(({ detail }) => detail);
}

async function listWith(store: CrmStore, filter: Partial<DealFilter>, sort: DealSort) {
  for (const openOnly of [true, false]) {
    const page = await store.deals.list({ openOnly, ...filter }, sort, 5, undefined);
    if (page.next) await store.deals.list({ openOnly, ...filter }, sort, 5, page.next);
  }
}

beforeAll(async () => {
  await seedCrm(env.CRM_DB, { asOf: new Date(), contacts: 300, report: () => {} });
  const store = openCrmStore(recordStatements(env.CRM_DB), true);
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
  const sorts: DealSort[] = ["amount", "closing", "untouched"];
  for (const sort of sorts) {
    await listWith(store, {}, sort);
    await listWith(store, { minCents: 10_000_000, untouchedSince: stamp.at }, sort);
    await listWith(store, { ownerId, stages: ["lead", "won"] }, sort);
    await listWith(store, { companyId }, sort);
    await listWith(
      store,
      { region: "Europe", closingBefore: "2027-01-01", closingAfter: "2020-01-01" },
      sort,
    );
  }
  const [deal] = (await store.deals.list({ openOnly: true }, "amount", 1, undefined)).rows;
  const { rows: people } = await store.contacts.search({ text: "a", facets: [], limit: 1 });
  await store.deals.move(deal?.id ?? "", deal?.version ?? 1, "lost", "x", stamp);
  await store.deals.listStageChanges(deal?.id ?? "", 5);
  for (const owner of [undefined, ownerId]) {
    const days = { staleTo: "2026-01-01", today: "2026-01-01", closedFrom: "2020-01-01" };
    await store.counters.summarize(owner, days);
    await store.counters.listMonths(owner, "2026-01-01");
    await store.deals.listPage(
      { openOnly: true, ownerId: owner, untouchedSince: stamp.at },
      "untouched",
      5,
      undefined,
    );
  }
  await store.counters.listOwners();
  for (const filter of [{}, { ownerId }, { companyId }, { dueFrom: "2020-01-01", dueTo: "2030-01-01" }]) {
    await store.tasks.listOpen(filter, 5, undefined);
  }
  await store.readOverview({ column: "company_id", id: companyId }, "2026-01-01");
  await store.readOverview({ column: "contact_id", id: people[0]?.id ?? "" }, "2026-01-01");
  await store.contacts.getByEmail("a@b.example");
  await store.companies.get(companyId);
  const fields = { title: null, email: null, phone: null, company_id: companyId, owner_id: null };
  const write = { userId: "user_x", key: "k", tool: "t", fingerprint: "f" };
  await store.contacts.create("con_new", { first_name: "A", last_name: "B", ...fields }, stamp, write);
  await store.contacts.update("con_new", 1, { title: "T" }, stamp);
  const activity = { id: "act_new", kind: "note" as const, subject: "s", body: null, occurred_at: stamp.at };
  await store.activities.log(
    { ...activity, company_id: companyId, contact_id: "con_new", deal_id: null },
    { title: "t", due_on: "2027-01-01", owner_id: null },
    stamp,
    undefined,
  );
  await store.activities.get("act_new");
  await store.activities.getFollowUp("act_new");
});

describe("every statement of the CRM", () => {
  it("reaches large tables through an index", async () => {
    expect(statements.length).toBeGreaterThan(80);
    const offenders: string[] = [];
    for (const statement of statements) {
      const plan = await explain(statement);
      const aliases = new Map(
        [...statement.sql.matchAll(/\b(?:FROM|JOIN)\s+(\w+)\s+(?:AS\s+)?([a-z])\b/g)].map(
          ([, table, alias]) => [alias ?? "", table ?? ""],
        ),
      );
      for (const step of plan) {
        const scanned = /^SCAN (\w+)/.exec(step)?.[1];
        if (scanned === undefined) continue;
        const table = aliases.get(scanned) ?? scanned;
        if (BIG.includes(table)) offenders.push(`${step} in ${statement.sql}`);
      }
    }
    expect(offenders).toEqual([]);
  });

  it("sorts nothing but small groups: pages come out of an index in order", async () => {
    const pages = statements.filter(({ sql }) => /_fts MATCH|WITH hit AS/.test(sql));
    expect(pages.length).toBeGreaterThan(30);
    const sorted: string[] = [];
    for (const statement of pages) {
      // An owner's or a company's deals are few, and so are those of a closing period: the planner may sort them.
      if (
        /(owner|company)_id = |region = |expected_close_on < \? AND expected_close_on >/.test(statement.sql)
      )
        continue;
      const whole = await explain(statement);
      // What follows the cut is one page: its few rows may be put in order again after the joins.
      const cut = whole.indexOf("SCAN hit");
      const plan = cut === -1 ? whole : whole.slice(0, cut);
      if (plan.some((step) => step.includes("TEMP B-TREE")))
        sorted.push(`${plan.join("; ")} in ${statement.sql}`);
    }
    expect(sorted).toEqual([]);
  });

  it("skips no rows to reach a page", () => {
    expect(statements.filter(({ sql }) => /\bOFFSET\b/i.test(sql))).toEqual([]);
  });
});
