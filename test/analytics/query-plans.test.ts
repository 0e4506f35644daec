import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { listQuestions } from "../../scripts/bench/analytics/questions.ts";
import { countReads } from "../../scripts/bench/count-reads.ts";
import {
  describePlan,
  explainStatement,
  findFullScans,
  type PlanStep,
} from "../../scripts/bench/query-plan.ts";
import { AS_OF, loadShop } from "./shop.ts";

/** Tables that grow with the shop. */
const GROWING = [
  "events",
  "daily_totals",
  "daily_channels",
  "daily_products",
  "daily_people",
  "hourly_totals",
];

interface Answered {
  title: string;
  reads: "sums" | "events";
  steps: PlanStep[];
}

const answered: Answered[] = [];

beforeAll(async () => {
  await loadShop();
  for (const { title, reads, ask } of listQuestions(AS_OF)) {
    const counter = countReads(env.ANALYTICS_DB);
    await ask(counter.db);
    const { statements } = counter.take();
    const plans = await Promise.all(statements.map((one) => explainStatement(env.ANALYTICS_DB, one)));
    answered.push({ title, reads, steps: plans.flat() });
  }
});

/** The queries that read this table. */
function readersOf(table: string): string[] {
  return answered.flatMap(({ title, steps }) =>
    steps.some((step) => step.does !== "sort" && step.tables.includes(table)) ? [title] : [],
  );
}

describe("every query of the analytics server", () => {
  it("reaches sums and events through an index", () => {
    expect(answered.length).toBeGreaterThan(10);
    const scans = answered.flatMap(({ title, steps }) =>
      findFullScans(steps, GROWING).map(({ does, tables }) => `${does} of ${tables} for ${title}`),
    );
    expect(scans).toEqual([]);
  });

  it("reads sums and no event, unless it follows people", () => {
    const followers = answered.filter(({ reads }) => reads === "events").map(({ title }) => title);
    expect(followers.length).toBeGreaterThan(0);
    expect(readersOf("events")).toEqual(followers);
  });

  it("reads every table of sums", () => {
    for (const table of GROWING) expect(readersOf(table)).not.toEqual([]);
  });
});

describe("a plan", () => {
  const explain = (sql: string) => explainStatement(env.ANALYTICS_DB, { sql, values: [] });

  it.each([
    ["a scan", "SELECT sum(e.quantity) FROM events AS e", "scan"],
    ["a scan inside of a subquery", "WITH b AS (SELECT * FROM events) SELECT sum(cost_cents) FROM b", "scan"],
    ["a walk along a whole index", "SELECT kind, count(*) FROM events GROUP BY kind", "walk"],
    [
      "an index that is made for one question",
      "SELECT count(*) FROM calendar CROSS JOIN events ON events.cost_cents = calendar.year + 0",
      "search",
    ],
  ])("tells %s of the events", async (_what, sql, does) => {
    expect(findFullScans(await explain(sql), ["events"])).toMatchObject([{ does, tables: ["events"] }]);
  });

  it("finds no full scan where an index leads to the rows", async () => {
    const plan = await explain("SELECT sum(e.quantity) FROM events e WHERE e.kind = 'order'");
    expect(findFullScans(plan, ["events"])).toEqual([]);
  });

  it.each([
    [
      "SELECT region, sum(events) FROM daily_totals t WHERE kind = 'order' AND day >= '2026' AND day < '2027' GROUP BY 1",
      "daily_totals by primary key (kind, day range), sorts daily_totals for GROUP BY",
    ],
    ["SELECT * FROM events ORDER BY cost_cents", "SCAN of events, sorts events for ORDER BY"],
    ["SELECT e.region FROM json_each('[1]') j JOIN events e ON e.id = j.value", "events by row id"],
    ["SELECT max(id) FROM events", "events by one end"],
    ["SELECT max(kind) FROM events", "events by one end of events_by_kind_and_time"],
    ["SELECT 1", ""],
  ])("is described as: %s", async (sql, words) => {
    expect(describePlan(await explain(sql))).toBe(words);
  });
});
