import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { seedCrm } from "../../scripts/seed/crm.ts";
import { openSession, type TestSession } from "../support/session.ts";
import { dayAhead, daysAgo } from "./rows.ts";

/** A stored deal, joined with the fields of the filters. */
interface Stored {
  id: string;
  stage: string;
  amount_cents: number;
  owner: string;
  region: string;
  company_id: string;
  last_activity_at: string;
  expected_close_on: string;
  closed_at: string | null;
  created_at: string;
  name: string;
  company: string;
  seq: number;
}

const STAGES = ["lead", "qualified", "proposal", "negotiation", "won", "lost"];
let session: TestSession;
let rows: Stored[];

beforeAll(async () => {
  await seedCrm(env.CRM_DB, { asOf: new Date(), contacts: 400, report: () => {} });
  const { results } = await env.CRM_DB.prepare(
    `SELECT d.*, o.email AS owner, c.region, c.name AS company FROM deals d, owners o, companies c
     WHERE o.id = d.owner_id AND c.id = d.company_id`,
  ).all<Stored>();
  rows = results;
  session = await openSession({ server: "crm", lane: "stateless" });
});

/** Any combination of filters. */
function anyFilter() {
  const pick = (read: (row: Stored) => string) => fc.constantFrom(...new Set(rows.map(read)));
  return fc
    .record(
      {
        min_amount: fc.integer({ min: 0, max: 150_000 }),
        max_amount: fc.integer({ min: 150_000, max: 600_000 }),
        stage: fc.uniqueArray(fc.constantFrom(...STAGES), { minLength: 1 }),
        owner: pick((row) => row.owner),
        region: pick((row) => row.region),
        company_id: pick((row) => row.company_id),
        untouched_for_days: fc.integer({ min: 0, max: 120 }),
        closing_before: fc.integer({ min: -60, max: 120 }).map(dayAhead),
        closing_after: fc.integer({ min: -60, max: 120 }).map(dayAhead),
        created_before: fc.integer({ min: -500, max: 0 }).map(dayAhead),
        created_after: fc.integer({ min: -700, max: 0 }).map(dayAhead),
        query: fc.constantFrom(
          "renewal",
          "Rollout",
          "support plat",
          ...rows.slice(0, 5).map((row) => row.company),
        ),
        open_only: fc.boolean(),
        sort: fc.constantFrom("amount", "closing", "untouched"),
      },
      { requiredKeys: [] },
    )
    .map(putInOrder);
}

/** A range is refused that ends before it begins. */
function putInOrder<Filter extends Record<string, unknown>>(filter: Filter): Filter {
  const ordered: Record<string, unknown> = { ...filter };
  for (const range of ["closing", "created"]) {
    const [from, to] = [ordered[`${range}_after`], ordered[`${range}_before`]];
    if (typeof from !== "string" || typeof to !== "string" || from <= to) continue;
    Object.assign(ordered, { [`${range}_after`]: to, [`${range}_before`]: from });
  }
  return ordered as Filter;
}

/** The day a deal closed, or is expected to. */
function closingDay({ closed_at, expected_close_on }: Stored): string {
  return closed_at?.slice(0, 10) ?? expected_close_on;
}

function wordsOf(text: string): string[] {
  return text
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "");
}

function holds({ name, company }: Stored, word: string): boolean {
  return wordsOf(`${name} ${company}`).some((other) => other.startsWith(word));
}

/** The same query evaluated row by row, without SQL. */
function select(filter: Record<string, unknown>): Stored[] {
  const f = filter as {
    min_amount?: number;
    max_amount?: number;
    stage?: string[];
    owner?: string;
    region?: string;
    company_id?: string;
    untouched_for_days?: number;
    closing_before?: string;
    closing_after?: string;
    created_before?: string;
    created_after?: string;
    query?: string;
    open_only?: boolean;
    sort?: "amount" | "closing" | "untouched";
  };
  const closed = (stage: string) => stage === "won" || stage === "lost";
  const openOnly = f.open_only ?? !(f.stage ?? []).some(closed);
  const chosen = rows.filter(
    (row) =>
      (!openOnly || !closed(row.stage)) &&
      (f.min_amount === undefined || row.amount_cents / 100 >= f.min_amount) &&
      (f.max_amount === undefined || row.amount_cents / 100 <= f.max_amount) &&
      (f.stage === undefined || f.stage.includes(row.stage)) &&
      (f.owner === undefined || row.owner === f.owner) &&
      (f.region === undefined || row.region === f.region) &&
      (f.company_id === undefined || row.company_id === f.company_id) &&
      (f.untouched_for_days === undefined || row.last_activity_at <= daysAgo(f.untouched_for_days)) &&
      (f.closing_before === undefined || closingDay(row) <= f.closing_before) &&
      (f.closing_after === undefined || closingDay(row) >= f.closing_after) &&
      (f.created_before === undefined || row.created_at.slice(0, 10) <= f.created_before) &&
      (f.created_after === undefined || row.created_at.slice(0, 10) >= f.created_after) &&
      (f.query === undefined || wordsOf(f.query).every((word) => holds(row, word))),
  );
  const byText = (read: (row: Stored) => string) => (a: Stored, b: Stored) =>
    read(a) < read(b) ? -1 : read(a) > read(b) ? 1 : a.seq - b.seq;
  const orders = {
    amount: (a: Stored, b: Stored) => b.amount_cents - a.amount_cents || b.seq - a.seq,
    closing: byText(closingDay),
    untouched: byText((row) => row.last_activity_at),
  };
  return chosen.sort(orders[f.sort ?? "amount"]);
}

describe("listing deals", () => {
  it("gives, for any filters, the same rows, order and totals as a plain computation", {
    timeout: 60_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(anyFilter(), fc.integer({ min: 5, max: 50 }), async (filter, limit) => {
        const expected = select(filter);
        const ids: string[] = [];
        let cursor: string | undefined;
        do {
          const { data, error } = await session.call("crm_list_deals", {
            ...filter,
            limit,
            ...(cursor && { cursor }),
          });
          if (expected.length === 0 && filter.query !== undefined) {
            expect(error?.code, "a text that stands nowhere is no empty list").toBe("not_found");
            return;
          }
          expect(data.totals.deals).toBe(expected.length);
          expect(data.totals.amount * 100).toBeCloseTo(
            expected.reduce((sum, row) => sum + row.amount_cents, 0),
            0,
          );
          ids.push(...data.deals.map(({ id }: { id: string }) => id));
          cursor = data.next_cursor;
        } while (cursor !== undefined);
        expect(ids).toEqual(expected.map(({ id }) => id));
      }),
      { numRuns: 60 },
    );
  });

  it("counts both days of a range, and a closed deal on the day it closed", async () => {
    const [won] = rows.filter((row) => row.stage === "won" && closingDay(row) !== row.expected_close_on);
    if (!won) throw new Error("The seed closes every deal on its expected day.");
    const ask = (day: string) =>
      session.call("crm_list_deals", {
        ...{ company_id: won.company_id, stage: ["won"], closing_after: day, closing_before: day },
      });
    const ids = async (day: string) => (await ask(day)).data.deals.map(({ id }: { id: string }) => id);
    expect(await ids(closingDay(won))).toContain(won.id);
    expect(await ids(won.expected_close_on)).not.toContain(won.id);
    const { data } = await ask(closingDay(won));
    expect(data.deals[0]).toMatchObject({ closed: closingDay(won) });
  });

  it("refuses a range that ends before it begins", async () => {
    for (const range of ["closing", "created"]) {
      const { error } = await session.call("crm_list_deals", {
        [`${range}_after`]: "2026-03-02",
        [`${range}_before`]: "2026-03-01",
      });
      expect(error).toMatchObject({
        code: "invalid_input",
        message: expect.stringContaining(`${range}_after`),
      });
    }
  });

  it("follows a company to another region", async () => {
    const [row] = rows;
    if (!row) throw new Error("No deal was loaded.");
    const ask = () =>
      session.call("crm_list_deals", { company_id: row.company_id, region: "antarctica", open_only: false });
    expect((await ask()).error?.code, "no owner yet").toBe("not_found");
    const update = env.CRM_DB.prepare("UPDATE companies SET region = ? WHERE id = ?");
    await update.bind("Antarctica", row.company_id).run();
    expect((await ask()).data.totals.deals).toBeGreaterThan(0);
    await update.bind(row.region, row.company_id).run();
  });

  it("pages through equal sort keys without losing or repeating one", async () => {
    await env.CRM_DB.prepare("UPDATE deals SET amount_cents = 100000").run();
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const args = { open_only: false, limit: 7, ...(cursor && { cursor }) };
      const { data } = await session.call("crm_list_deals", args);
      ids.push(...data.deals.map(({ id }: { id: string }) => id));
      cursor = data.next_cursor;
    } while (cursor !== undefined);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toHaveLength(rows.length);
  });
});
