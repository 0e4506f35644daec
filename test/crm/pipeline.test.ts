import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { CounterStore } from "../../workers/crm/store/counters.ts";
import { LANES, openSession } from "../support/session.ts";
import { addCompany, addDeal, addOwner, dayAhead, daysAgo } from "./rows.ts";

const run = (sql: string, ...values: (string | number | null)[]) =>
  env.CRM_DB.prepare(sql)
    .bind(...values)
    .run();

beforeEach(async () => {
  for (const table of ["deal_stage_history", "deals", "companies", "owners"])
    await run(`DELETE FROM ${table}`);
  await addOwner("own_alice", "Alice Archer", "alice@people.example");
  await addOwner("own_bob", "Bob Baker", "bob@people.example");
  await addCompany("cmp_acme", "Acme Rockets", { owner_id: "own_alice" });
});

const closed = (stage: string, days: number, more: Record<string, string | number> = {}) => ({
  stage,
  closed_at: daysAgo(days),
  created_at: daysAgo(days + 40),
  amount_cents: 1_000_000,
  ...more,
});

describe.each(LANES)("the pipeline on the %s lane", (lane) => {
  it("adds up by stage, month, owner and result", async () => {
    const mine = { owner_id: "own_alice", last_activity_at: daysAgo(2) };
    await addDeal("deal_1", "cmp_acme", {
      ...mine,
      amount_cents: 10_000_000,
      expected_close_on: dayAhead(0),
    });
    await addDeal("deal_2", "cmp_acme", {
      owner_id: "own_bob",
      stage: "negotiation",
      amount_cents: 20_000_000,
      last_activity_at: daysAgo(50),
      expected_close_on: dayAhead(-3),
    });
    await addDeal("deal_3", "cmp_acme", { stage: "proposal", last_activity_at: daysAgo(1) });
    await addDeal("deal_4", "cmp_acme", closed("won", 10, mine));
    await addDeal("deal_5", "cmp_acme", closed("won", 20, { created_at: daysAgo(80) }));
    await addDeal("deal_6", "cmp_acme", closed("lost", 5));
    await addDeal("deal_7", "cmp_acme", closed("won", 200));
    const session = await openSession({ server: "crm", lane });
    const { data } = await session.call("crm_get_pipeline");
    expect(data).toMatchObject({
      owner: null,
      open_deals: 3,
      open_amount: 301_000,
      forecast: 10_000 + 150_000 + 500,
      results: { days: 90, won: 2, lost: 1, won_amount: 20_000, win_rate: 0.667, cycle_days: 50 },
      longest_untouched: [{ id: "deal_2", days_untouched: 50 }],
    });
    expect(data.stages.find(({ stage }: { stage: string }) => stage === "negotiation")).toMatchObject({
      deals: 1,
      forecast: 150_000,
      stale_deals: 1,
      stale_amount: 200_000,
      late_deals: 1,
    });
    expect(data.owners.map(({ owner }: { owner: string }) => owner)).toEqual([
      "Bob Baker",
      "Alice Archer",
      null,
    ]);
    expect(data.months.map(({ month }: { month: string }) => month)).toContain(dayAhead(0).slice(0, 7));
    const year = await session.call("crm_get_pipeline", { days: 365 });
    expect(year.data.results).toMatchObject({ won: 3, win_rate: 0.75 });
    const hers = await session.call("crm_get_pipeline", { owner: "me" });
    expect(hers.data).toMatchObject({ owner: "Alice Archer", open_deals: 1, results: { won: 1 } });
    const bob = await openSession({ server: "crm", lane, as: "bob" });
    const his = await bob.call("crm_get_pipeline", { owner: "me" });
    expect(his.data).toMatchObject({ owner: "Bob Baker", open_amount: 200_000, results: { won: 0 } });
  });

  it("divides every open deal among overdue, months and later, and forecasts a period by won and weighted amounts", async () => {
    const due = [-400, -40, 0, 20, 70, 130, 200, 900];
    for (const [index, days] of due.entries()) {
      const more = { stage: index % 2 ? "negotiation" : "lead", amount_cents: 100_001 * (index + 1) };
      await addDeal(`deal_due${index}`, "cmp_acme", { ...more, expected_close_on: dayAhead(days) });
    }
    await addDeal("deal_won1", "cmp_acme", closed("won", 0, { amount_cents: 700_000 }));
    await addDeal("deal_won2", "cmp_acme", closed("won", 500, { amount_cents: 900_000 }));
    const session = await openSession({ server: "crm", lane });
    const { data } = await session.call("crm_get_pipeline", { period: "this_quarter" });
    const sum = (name: string) =>
      data.months.reduce((total: number, row: Record<string, number>) => total + (row[name] ?? 0), 0);
    const thisMonth = dayAhead(0).slice(0, 7);
    const overdue = due.filter((days) => dayAhead(days).slice(0, 7) < thisMonth);
    expect(data.months[0]).toMatchObject({ month: "overdue", deals: overdue.length });
    expect(data.months.at(-1)).toMatchObject({ month: "later" });
    expect(sum("deals")).toBe(data.open_deals);
    expect(sum("amount")).toBeCloseTo(data.open_amount, 2);
    expect(sum("weighted")).toBeCloseTo(data.forecast, 2);
    const running = data.months.find(({ month }: { month: string }) => month === thisMonth);
    expect(running).toMatchObject({ won: 1, won_amount: 7_000 });
    expect(running.forecast).toBeCloseTo(7_000 + running.weighted, 2);
    const { period } = data;
    const within = due.filter((days) => dayAhead(days) >= period.from && dayAhead(days) <= period.to);
    expect(period).toMatchObject({
      name: expect.stringMatching(/^\d{4}-Q[1-4]$/),
      deals: within.length,
      won: 1,
    });
    expect(period.forecast).toBeCloseTo(period.won_amount + period.weighted, 2);
    const named = await session.call("crm_get_pipeline", {
      period: `Q${period.name.at(-1)} ${period.name.slice(0, 4)}`,
    });
    expect(named.data.period).toEqual(period);
    const wrong = await session.call("crm_get_pipeline", { period: "next year" });
    expect(wrong.error?.code).toBe("invalid_input");
  });

  it("derives the time that deals stay in a stage from their history", async () => {
    await addDeal("deal_walk", "cmp_acme", { created_at: daysAgo(12), last_activity_at: daysAgo(12) });
    const session = await openSession({ server: "crm", lane });
    const args = { deal_id: "deal_walk", version: 1, stage: "qualified" };
    expect((await session.call("crm_move_deal", args)).isError).toBe(false);
    const { data } = await session.call("crm_get_pipeline");
    expect(data.stages[0]).toMatchObject({ stage: "lead", deals: 0, days_in_stage: 12 });
    expect(data.stages[1]).toMatchObject({ stage: "qualified", deals: 1, days_in_stage: null });
  });
});

const STAGES = ["lead", "qualified", "proposal", "negotiation", "won", "lost"];

/** One change of any kind to one of five deals. */
function anyChange() {
  const deal = fc.integer({ min: 0, max: 4 }).map((number) => `deal_${number}`);
  const day = fc.integer({ min: -3, max: 3 });
  const owner = fc.constantFrom("own_alice", "own_bob", null);
  return fc.oneof(
    fc.tuple(fc.constant("add" as const), deal, owner, fc.constantFrom(...STAGES), fc.nat(1_000), day),
    fc.tuple(fc.constant("move" as const), deal, owner, fc.constantFrom(...STAGES), fc.nat(1_000), day),
    fc.tuple(fc.constant("touch" as const), deal, owner, fc.constantFrom(...STAGES), fc.nat(1_000), day),
    fc.tuple(fc.constant("change" as const), deal, owner, fc.constantFrom(...STAGES), fc.nat(1_000), day),
    fc.tuple(fc.constant("remove" as const), deal, owner, fc.constantFrom(...STAGES), fc.nat(1_000), day),
  );
}

type Change = ReturnType<typeof anyChange> extends fc.Arbitrary<infer Value> ? Value : never;

async function apply([kind, id, owner, stage, cents, day]: Change): Promise<void> {
  const closing = stage === "won" || stage === "lost" ? daysAgo(day) : null;
  const exists = await env.CRM_DB.prepare("SELECT stage FROM deals WHERE id = ?")
    .bind(id)
    .first<string>("stage");
  if (kind === "add") {
    if (exists) return;
    const fields = { owner_id: owner, stage, closed_at: closing, amount_cents: cents };
    await addDeal(id, "cmp_acme", { ...fields, expected_close_on: dayAhead(day) });
  } else if (kind === "move") {
    if (!exists) return;
    await run(
      "UPDATE deals SET stage = ?, closed_at = ?, stage_since = ? WHERE id = ?",
      stage,
      closing,
      daysAgo(day),
      id,
    );
    await run(
      `INSERT INTO deal_stage_history (deal_id, from_stage, to_stage, changed_at, changed_by, changed_by_name)
       VALUES (?, ?, ?, ?, 'user_x', 'X')`,
      id,
      exists,
      stage,
      daysAgo(day),
    );
  } else if (kind === "touch") {
    await run("UPDATE deals SET last_activity_at = ? WHERE id = ?", daysAgo(day), id);
  } else if (kind === "change") {
    await run(
      "UPDATE deals SET owner_id = ?, amount_cents = ?, expected_close_on = ? WHERE id = ?",
      owner,
      cents,
      dayAhead(day),
      id,
    );
  } else {
    await run("DELETE FROM deal_stage_history WHERE deal_id = ?", id);
    await run("DELETE FROM deals WHERE id = ?", id);
  }
}

async function readBoth() {
  const key = "kind, owner_id, day, stage";
  const recount = `SELECT ${key}, sum(deals) AS deals, sum(cents) AS cents, sum(seconds) AS seconds
    FROM (SELECT * FROM deal_contributions UNION ALL SELECT * FROM step_contributions) GROUP BY ${key} ORDER BY ${key}`;
  const [kept, counted] = await env.CRM_DB.batch([
    env.CRM_DB.prepare(`SELECT ${key}, deals, cents, seconds FROM deal_counters ORDER BY ${key}`),
    env.CRM_DB.prepare(recount),
  ]);
  return { kept: kept?.results, counted: counted?.results };
}

describe("the counters", () => {
  it("equal a full recount after any sequence of changes", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyChange(), { minLength: 3, maxLength: 25 }), async (changes) => {
        for (const change of changes) await apply(change);
        const { kept, counted } = await readBoth();
        expect(kept).toEqual(counted);
      }),
      { numRuns: 25 },
    );
  });

  it("are read in as many rows for 4,000 deals as for 400", async () => {
    const add = (count: number, prefix: string) =>
      run(
        `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         INSERT INTO deals (id, name, company_id, owner_id, stage, amount_cents, expected_close_on, stage_since,
           last_activity_at, created_at, created_by, created_by_name, updated_at, updated_by, updated_by_name)
         SELECT ?2 || i, 'D', 'cmp_acme', 'own_alice', 'lead', 100, ?3, ?4, ?4, ?4, 'u', 'u', ?4, 'u', 'u' FROM n`,
        count,
        prefix,
        dayAhead(5),
        daysAgo(40),
      );
    const reads: number[] = [];
    const counted = new Proxy(env.CRM_DB, {
      get(target, property) {
        if (property !== "prepare") return Reflect.get(target, property).bind(target);
        return (sql: string) => {
          const statement = target.prepare(sql);
          const bind = statement.bind.bind(statement);
          statement.bind = (...values: unknown[]) => {
            const bound = bind(...values);
            const all = bound.all.bind(bound);
            bound.all = async <Row>() => {
              const answer = await all<Row>();
              reads.push(answer.meta.rows_read);
              return answer;
            };
            return bound;
          };
          return statement;
        };
      },
    });
    const store = new CounterStore(counted);
    const days = { staleTo: dayAhead(-30), today: dayAhead(0), closedFrom: dayAhead(-90) };
    const ask = async () => {
      reads.length = 0;
      const rows = await store.summarize(undefined, days);
      await store.listOwners();
      await store.listMonths(undefined, { from: dayAhead(-30), to: dayAhead(0) });
      return { stale: rows.find(({ kind }) => kind === "stale")?.deals, reads: [...reads] };
    };
    await add(400, "deal_a");
    const few = await ask();
    await add(3_600, "deal_b");
    const many = await ask();
    expect([few.stale, many.stale]).toEqual([400, 4_000]);
    expect(few.reads.length).toBe(3);
    expect(few.reads.every((rows) => rows > 0)).toBe(true);
    expect(many.reads).toEqual(few.reads);
  });
});
