import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import type { ShopEvent } from "../../scripts/seed/analytics/events.ts";
import { insertEvents } from "../../scripts/seed/analytics/insert.ts";
import { METRICS, type Metric } from "../../workers/analytics/semantic-layer.ts";
import { aggregate } from "../../workers/analytics/store/aggregate.ts";
import type { Selection } from "../../workers/analytics/store/base.ts";
import { makeEvent } from "./shop.ts";

const db = env.ANALYTICS_DB;
const DAYS = [
  "2026-01-30",
  "2026-01-31",
  "2026-02-01",
  "2026-02-02",
  "2026-02-09",
  "2026-03-31",
  "2026-04-01",
];
const visitors = METRICS.find(({ name }) => name === "visitors") as Metric;

/** Few people in few places, so that events share them. */
const drawnEvents = fc.uniqueArray(
  fc.record({
    id: fc.integer({ min: 1, max: 10_000 }),
    customer_id: fc.constantFrom("C1", "C2", "C3"),
    day: fc.constantFrom(...DAYS),
    hour: fc.constantFrom("00", "23"),
    kind: fc.constantFrom("visit", "order", "cart", "refund") as fc.Arbitrary<ShopEvent["kind"]>,
    region: fc.constantFrom("Europe", "Asia Pacific"),
    segment: fc.constantFrom("Consumer", "Enterprise"),
    channel: fc.constantFrom("ads", "email"),
    campaign: fc.constantFrom(null, "Spring"),
    amount_cents: fc.integer({ min: 0, max: 9_999 }),
  }),
  { selector: ({ id }) => id, minLength: 1, maxLength: 40 },
);

function toEvents(drawn: readonly DrawnEvent[]): ShopEvent[] {
  return drawn.map(({ day, hour, ...event }) =>
    makeEvent({ ...event, occurred_at: `${day}T${hour}:59:59Z` }),
  );
}

type DrawnEvent = Omit<Partial<ShopEvent>, "id"> & { id: number; day: string; hour: string };

async function readAll(sql: string): Promise<Record<string, unknown>[]> {
  return (await db.prepare(sql).all<Record<string, unknown>>()).results;
}

const SUMS = "count(*) AS events, sum(quantity) AS quantity, sum(amount_cents) AS amount_cents";
const ROLLUPS = [
  ["daily_totals", "kind, day, region, country, segment", "substr(occurred_at, 1, 10) AS day"],
  ["daily_channels", "kind, day, region, segment, channel, campaign", "substr(occurred_at, 1, 10) AS day"],
  ["daily_products", "kind, day, region, channel, category, product", "substr(occurred_at, 1, 10) AS day"],
  ["hourly_totals", "kind, hour, region", "substr(occurred_at, 1, 13) || ':00:00Z' AS hour"],
] as const;

beforeEach(async () => {
  await db.exec("DELETE FROM events");
});

describe("sums kept by ingestion", () => {
  it("equal the sums of the events, after any inserts and deletions in any order", async () => {
    await fc.assert(
      fc.asyncProperty(drawnEvents, fc.nat(), async (drawn, seed) => {
        await db.exec("DELETE FROM events");
        await insertEvents(db, toEvents(drawn));
        await db
          .prepare("DELETE FROM events WHERE id % 3 = ?")
          .bind(seed % 3)
          .run();
        for (const [table, columns, time] of ROLLUPS) {
          const sums = columns;
          const kept = await readAll(
            `SELECT ${sums}, events, quantity, amount_cents FROM ${table} ORDER BY ${sums}`,
          );
          const counted = await readAll(
            `SELECT ${sums}, ${SUMS} FROM (SELECT kind, region, country, segment, channel, category, product, quantity,
             amount_cents, coalesce(campaign, '(none)') AS campaign, ${time} FROM events) GROUP BY ${sums} ORDER BY ${sums}`,
          );
          expect(kept).toEqual(counted);
        }
      }),
      { numRuns: 25 },
    );
  }, 30_000);
});

const order = ({ occurred_at, id }: Pick<ShopEvent, "occurred_at" | "id">) =>
  `${occurred_at} ${String(id).padStart(6, "0")}`;

describe("first orders", () => {
  it("are the earliest order of each customer, for any sequence of inserts and deletions, in every table", async () => {
    await fc.assert(
      fc.asyncProperty(drawnEvents, fc.nat(), async (drawn, seed) => {
        await db.exec("DELETE FROM events");
        const orders = toEvents(drawn).map(
          (event): ShopEvent => ({ ...event, kind: "order", new_customer: 1 }),
        );
        // One by one and in the order of their ids, which is independent of their time.
        for (const event of orders) await insertEvents(db, [event]);
        await db
          .prepare("DELETE FROM events WHERE id % 3 = ?")
          .bind(seed % 3)
          .run();
        const left = orders.filter(({ id }) => id % 3 !== seed % 3);
        const firsts = [...Map.groupBy(left, ({ customer_id }) => customer_id).values()]
          .map((own) => own.sort((a, b) => (order(a) < order(b) ? -1 : 1))[0]?.id ?? 0)
          .sort((a, b) => a - b);
        const marked = await readAll("SELECT id FROM events WHERE new_customer = 1 ORDER BY id");
        expect(marked.map(({ id }) => id)).toEqual(firsts);
        for (const [table, columns, time] of ROLLUPS) {
          const kept = await readAll(
            `SELECT ${columns}, events, new_customers FROM ${table} ORDER BY ${columns}`,
          );
          const counted = await readAll(
            `SELECT ${columns}, count(*) AS events, sum(new_customer) AS new_customers FROM (
               SELECT kind, region, country, segment, channel, category, product, new_customer,
               coalesce(campaign, '(none)') AS campaign, ${time} FROM events) GROUP BY ${columns} ORDER BY ${columns}`,
          );
          expect(kept).toEqual(counted);
        }
      }),
      { numRuns: 25 },
    );
  });
});

/** Distinct people among rows, counted with a set. */
function countPeople(rows: readonly ShopEvent[]): number {
  return new Set(rows.map(({ customer_id }) => customer_id)).size;
}

describe("different people from the chains of days", () => {
  it("equal the size of a set of the events' customers, for any span, dimension, filter and grain", async () => {
    await fc.assert(
      fc.asyncProperty(
        drawnEvents,
        fc.constantFrom(...DAYS),
        fc.constantFrom(...DAYS),
        fc.constantFrom("total", "day", "week", "month", "quarter", "year") as fc.Arbitrary<
          Selection["grain"]
        >,
        fc.constantFrom(undefined, "region", "segment", "channel"),
        fc.boolean(),
        fc.nat(),
        async (drawn, first, second, grain, dimension, isFiltered, seed) => {
          await db.exec("DELETE FROM events");
          const events = toEvents(drawn);
          await insertEvents(db, events);
          await db
            .prepare("DELETE FROM events WHERE id % 4 = ?")
            .bind(seed % 4)
            .run();
          const [from = "", to = ""] = [first, second].sort();
          const left = events.filter(({ id, kind }) => id % 4 !== seed % 4 && kind === "visit");
          const rows = left.filter(({ occurred_at, channel }) => {
            const day = occurred_at.slice(0, 10);
            return day >= from && day < to && (!isFiltered || channel === "ads");
          });
          const cut = isFiltered ? undefined : dimension;
          const answer = await aggregate(
            db,
            {
              fact: "commerce",
              measures: ["visitors"],
              from,
              to,
              grain,
              dimensions: cut ? [cut] : [],
              filters: isFiltered ? [{ dimension: "channel", members: ["ads"], exclude: false }] : [],
            },
            { count: 10, by: visitors, ascending: false },
            1_000,
          );
          expect(answer.totals.visitors).toBe(countPeople(rows));
          const groups = Map.groupBy(rows, (row) =>
            JSON.stringify([cut ? row[cut as "region"] : "", labelOf(row.occurred_at.slice(0, 10), grain)]),
          );
          const found = answer.rows.map(({ members, bucket, parts }) => [
            JSON.stringify([members[0] ?? "", bucket]),
            parts.visitors,
          ]);
          expect(new Map(found as [string, number][])).toEqual(
            new Map([...groups].map(([key, group]) => [key, countPeople(group)])),
          );
        },
      ),
      { numRuns: 60 },
    );
  }, 30_000);

  it("leave no row after all events are deleted", async () => {
    await insertEvents(db, [
      makeEvent({ id: 1, kind: "visit", occurred_at: "2026-01-05T00:00:00Z" }),
      makeEvent({ id: 2, kind: "visit", occurred_at: "2026-01-09T00:00:00Z" }),
      makeEvent({ id: 3, kind: "visit", occurred_at: "2026-01-07T00:00:00Z" }),
    ]);
    expect(await readAll("SELECT day, previous_day, people FROM daily_people WHERE scope = 'total'")).toEqual(
      [
        { day: "2026-01-05", previous_day: "", people: 1 },
        { day: "2026-01-07", previous_day: "2026-01-05", people: 1 },
        { day: "2026-01-09", previous_day: "2026-01-07", people: 1 },
      ],
    );
    await db.exec("DELETE FROM events");
    expect(await readAll("SELECT * FROM daily_people")).toEqual([]);
  });

  it("answer without reading an event, however many there are", async () => {
    await insertEvents(
      db,
      Array.from({ length: 2_000 }, (_, index) =>
        makeEvent({
          id: index + 1,
          kind: "visit",
          customer_id: `C${index % 40}`,
          occurred_at: `2026-01-${String(1 + (index % 28)).padStart(2, "0")}T10:00:00Z`,
        }),
      ),
    );
    const plan = await readAll(
      `EXPLAIN QUERY PLAN SELECT sum(people) FROM daily_people
       WHERE kind = 'visit' AND scope = 'total' AND day >= '2026-01-01' AND day < '2026-02-01' AND previous_day < '2026-01-01'`,
    );
    expect(plan.map(({ detail }) => String(detail)).join()).toMatch(/^SEARCH daily_people USING PRIMARY KEY/);
    const rows = await readAll("SELECT count(*) AS rows FROM daily_people WHERE scope = 'total'");
    expect(Number(rows[0]?.rows)).toBeLessThan(250);
  });
});

function labelOf(day: string, grain: Selection["grain"]): string | null {
  const moment = new Date(`${day}T00:00:00Z`);
  if (grain === "total") return null;
  if (grain === "year") return day.slice(0, 4);
  if (grain === "quarter") return `${day.slice(0, 4)}-Q${Math.ceil((moment.getUTCMonth() + 1) / 3)}`;
  if (grain === "month") return day.slice(0, 7);
  if (grain === "day") return day;
  moment.setUTCDate(moment.getUTCDate() - ((moment.getUTCDay() + 6) % 7));
  return moment.toISOString().slice(0, 10);
}
