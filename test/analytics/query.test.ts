import { beforeAll, describe, expect, it } from "vitest";
import type { ShopEvent } from "../../scripts/seed/analytics/events.ts";
import { METRICS } from "../../workers/analytics/semantic-layer.ts";
import { LANES, openSession, type TestSession } from "../support/session.ts";
import { groupBy, RECOMPUTE, within } from "./recompute.ts";
import { EMPLOYMENT, loadPublicSample, loadShop } from "./shop.ts";

const DIMENSIONS = ["region", "country", "segment", "channel", "category", "product"] as const;
const FIRST = "2025-09-01";
const LAST = "2026-02-15";
const PERIOD = `${FIRST}..${LAST}`;

let rows: ShopEvent[];
let span: ShopEvent[];
let session: TestSession;

beforeAll(async () => {
  rows = await loadShop();
  span = within(rows, FIRST, LAST);
  await loadPublicSample();
  session = await openSession({ server: "analytics", lane: "stateless" });
});

async function query(args: Record<string, unknown>) {
  const answer = await session.call("analytics_query", args);
  expect(answer.error).toBeUndefined();
  return answer.data;
}

function figuresOf(names: readonly string[], selected: readonly ShopEvent[]) {
  return names.map((name) => RECOMPUTE[name]?.(selected));
}

it("every metric of the shop has an independent computation in these tests", () => {
  const shop = METRICS.filter(({ name }) => name !== "us_jobs").map(({ name }) => name);
  expect(Object.keys(RECOMPUTE)).toEqual(shop);
});

const SIXES = [0, 6, 12].map((start) => Object.keys(RECOMPUTE).slice(start, start + 6));

describe.each(SIXES)("%s, %s, %s, %s, %s", (...metrics) => {
  it("over a whole period equals the sum of its rows, to the cent", async () => {
    const { totals } = await query({ metrics, period: PERIOD });
    expect(Object.values(totals)).toEqual(figuresOf(metrics, span));
  });

  it.each(DIMENSIONS)("by %s equals the sum of each member's rows", async (dimension) => {
    const answer = await query({ metrics, dimensions: [dimension], period: PERIOD, limit: 100 });
    const groups = groupBy(span, (row) => row[dimension]);
    for (const [member, ...figures] of answer.rows) {
      expect([member, ...figures]).toEqual([member, ...figuresOf(metrics, groups.get(member) ?? [])]);
    }
    expect(answer.rows.length).toBeGreaterThan(2);
    expect(answer.other_groups).toBeUndefined();
  });

  it.each([
    ["hour", "2026-02-02", "2026-02-04", (row: ShopEvent) => `${row.occurred_at.slice(0, 13)}:00Z`],
    ["day", "2026-01-20", "2026-02-15", (row: ShopEvent) => row.occurred_at.slice(0, 10)],
    ["week", FIRST, LAST, (row: ShopEvent) => mondayOf(row.occurred_at)],
    ["month", FIRST, LAST, (row: ShopEvent) => row.occurred_at.slice(0, 7)],
    ["quarter", FIRST, LAST, (row: ShopEvent) => quarterOf(row.occurred_at)],
    ["year", FIRST, LAST, (row: ShopEvent) => row.occurred_at.slice(0, 4)],
  ] as const)(
    "by %s has every bucket, also those in which nothing happened",
    async (grain, first, last, label) => {
      const answer = await query({ metrics, grain, period: `${first}..${last}` });
      const groups = groupBy(within(rows, first, last), label);
      for (const [bucket, ...figures] of answer.rows) {
        expect([bucket, ...figures]).toEqual([bucket, ...figuresOf(metrics, groups.get(bucket) ?? [])]);
      }
      const buckets = answer.rows.map(([bucket]: [string]) => bucket);
      expect(buckets).toEqual([...new Set(buckets)].sort());
      expect([...groups.keys()].filter((bucket) => !buckets.includes(bucket))).toEqual([]);
    },
  );
});

describe("cutting by several dimensions", () => {
  it("gives each combination its own figures in each bucket", async () => {
    const metrics = ["revenue", "customers", "conversion_rate"];
    const answer = await query({
      metrics,
      dimensions: ["region", "channel"],
      grain: "month",
      period: PERIOD,
      limit: 100,
    });
    const groups = groupBy(span, (row) => [row.occurred_at.slice(0, 7), row.region, row.channel].join("|"));
    const kinds = new Set(["order", "visit"]);
    const expected = [...groups].filter(([, group]) => group.some(({ kind }) => kinds.has(kind)));
    expect(answer.rows).toHaveLength(expected.length);
    for (const [month, region, channel, ...figures] of answer.rows) {
      const group = groups.get([month, region, channel].join("|")) ?? [];
      expect(figures).toEqual(figuresOf(metrics, group));
    }
  });

  it("merges all but the largest groups into one, and counts its distinct customers instead of adding them up", async () => {
    const metrics = ["revenue", "customers", "average_order_value"];
    const answer = await query({ metrics, dimensions: ["product"], period: PERIOD, limit: 4 });
    const groups = [
      ...groupBy(
        span.filter(({ kind }) => kind === "order"),
        (row) => row.product,
      ),
    ];
    const ranked = groups.sort(
      ([, a], [, b]) => (RECOMPUTE.revenue?.(b) ?? 0) - (RECOMPUTE.revenue?.(a) ?? 0),
    );
    expect(answer.rows.map(([product]: [string]) => product)).toEqual([
      ...ranked.slice(0, 4).map(([product]) => product),
      "(other)",
    ]);
    const rest = ranked.slice(4).flatMap(([, group]) => group);
    expect(answer.rows.at(-1).slice(1)).toEqual(figuresOf(metrics, rest));
    expect(answer.other_groups).toBe(ranked.length - 4);
    const cents = answer.rows.reduce(
      (sum: number, [, revenue]: [string, number]) => sum + Math.round(revenue * 100),
      0,
    );
    expect(cents).toBe(Math.round(answer.totals.revenue * 100));
  });

  it("ranks by the lowest on request", async () => {
    const lowest = await query({
      metrics: ["revenue"],
      dimensions: ["country"],
      period: PERIOD,
      limit: 3,
      order: "lowest",
    });
    const highest = await query({
      metrics: ["revenue"],
      dimensions: ["country"],
      period: PERIOD,
      limit: 100,
    });
    expect(lowest.rows.slice(0, 3)).toEqual(highest.rows.slice(-3).reverse());
  });

  it("ranks customers without listing them all", async () => {
    const answer = await query({ metrics: ["orders"], dimensions: ["customer"], period: PERIOD, limit: 5 });
    const groups = groupBy(
      span.filter(({ kind }) => kind === "order"),
      (row) => row.customer_id,
    );
    const counts = [...groups.values()].map((group) => group.length).sort((a, b) => b - a);
    expect(answer.rows.slice(0, 5).map(([, orders]: [string, number]) => orders)).toEqual(counts.slice(0, 5));
  });
});

describe("filters", () => {
  it.each<[string, Record<string, unknown>, (row: ShopEvent) => boolean]>([
    ["a region", { region: "Europe" }, (row) => row.region === "Europe"],
    ["a region by another name", { region: "APAC" }, (row) => row.region === "Asia Pacific"],
    ["a segment", { segment: "enterprise" }, (row) => row.segment === "Enterprise"],
    ["every region", { region: "all" }, () => true],
    ["one member", { filters: { channel: "email" } }, (row) => row.channel === "email"],
    [
      "several",
      { filters: { country: ["Germany", "france"] } },
      ({ country }) => ["Germany", "France"].includes(country),
    ],
    ["an exclusion", { filters: { category: "!Footwear" } }, (row) => row.category !== "Footwear"],
    ["no campaign", { filters: { campaign: "(none)" } }, (row) => row.campaign === null],
    [
      "two dimensions",
      { region: "Europe", filters: { channel: "search" } },
      (row) => row.region === "Europe" && row.channel === "search",
    ],
    ["one customer", { filters: { customer: "C000003" } }, (row) => row.customer_id === "C000003"],
  ])("by %s keep exactly its rows", async (_what, args, keep) => {
    const metrics = ["revenue", "orders", "customers", "visits"];
    const { totals } = await query({ metrics, period: PERIOD, ...args });
    expect(Object.values(totals)).toEqual(figuresOf(metrics, span.filter(keep)));
  });
});

describe("names", () => {
  it.each([
    ["sales", "revenue"],
    ["AOV", "average_order_value"],
    ["Average Order Value", "average_order_value"],
    ["revenu", "revenue"],
    ["conversion-rate", "conversion_rate"],
    ["costumers", "customers"],
  ])("%s is understood as %s", async (written, name) => {
    const answer = await query({ metrics: [written], period: PERIOD });
    expect(answer.columns).toEqual([name]);
  });

  it("an answer notes when it read a name as another one", async () => {
    const answer = await query({ metrics: "sales", period: PERIOD });
    expect(answer.notes).toEqual(['"sales" was read as revenue.']);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ["an unknown metric", { metrics: ["churn"] }, 'There is no metric "churn". Closest: '],
    [
      "an unknown dimension",
      { metrics: ["revenue"], dimensions: ["planet"] },
      'There is no dimension "planet".',
    ],
    [
      "a dimension of other data",
      { metrics: ["us_jobs"], dimensions: ["region"] },
      'There is no dimension "region"',
    ],
    [
      "an unknown member",
      { metrics: ["revenue"], filters: { country: "Atlantis" } },
      'There is no country "Atlantis".',
    ],
    ["metrics of different data", { metrics: ["revenue", "us_jobs"] }, "come from different data"],
    ["no metric", { metrics: [] }, "Name at least one metric"],
    ["a bad period", { metrics: ["revenue"], period: "soon" }, '"soon" is not a period.'],
    ["an hour of monthly data", { metrics: ["us_jobs"], grain: "hour" }, "has no hour"],
    [
      "too many rows",
      { metrics: ["revenue"], grain: "hour", period: "2025", dimensions: ["country"] },
      "more than 5000 rows",
    ],
  ])("%s is refused with the valid alternatives", async (_what, args, message) => {
    const { error } = await session.call("analytics_query", args);
    expect(error?.message).toContain(message);
    expect(error?.suggested_action).not.toBe("");
    expect(["invalid_input", "result_too_large"]).toContain(error?.code);
  });
});

describe("public data", () => {
  it("averages jobs over the months of the period", async () => {
    const answer = await query({
      metrics: ["us_jobs"],
      dimensions: ["sector"],
      period: "2015",
      region: "Europe",
    });
    const mean = (sector: string) =>
      Math.round(EMPLOYMENT.filter((row) => row[1] === sector).reduce((sum, row) => sum + row[2], 0) / 3);
    expect(answer.rows).toEqual([
      ["Government", mean("Government")],
      ["Construction", mean("Construction")],
    ]);
    expect(answer.notes).toEqual(["region does not apply to this data and was left out."]);
  });

  it("names the days that have data when a period has none", async () => {
    const { notes, rows: none } = await query({
      metrics: ["us_jobs"],
      dimensions: ["sector"],
      period: "2019",
    });
    expect(none).toEqual([]);
    expect(notes).toEqual(["No data in this period; there is data from 2015-01-01 to 2015-03-01."]);
  });
});

describe.each(LANES)("session defaults, %s", (lane) => {
  it("are inherited by later calls and overridden by naming everything", async () => {
    const own = await openSession({ server: "analytics", lane, as: "dora" });
    await own.call("context_set", { defaults: { region: "Europe", period: PERIOD } });
    const inherited = await own.call("analytics_query", { metrics: ["orders"] });
    expect(inherited.data.totals.orders).toBe(
      RECOMPUTE.orders?.(span.filter(({ region }) => region === "Europe")),
    );
    const lifted = await own.call("analytics_query", { metrics: ["orders"], region: "all" });
    expect(lifted.data.totals.orders).toBe(RECOMPUTE.orders?.(span));
  });
});

function mondayOf(moment: string): string {
  const day = new Date(`${moment.slice(0, 10)}T00:00:00Z`);
  while (day.getUTCDay() !== 1) day.setUTCDate(day.getUTCDate() - 1);
  return day.toISOString().slice(0, 10);
}

function quarterOf(moment: string): string {
  return `${moment.slice(0, 4)}-Q${Math.ceil(Number(moment.slice(5, 7)) / 3)}`;
}
