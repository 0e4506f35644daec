import { expect } from "vitest";
import { type Desk, dayAgo, monthAgo, type Task, toRecords, weekAgo } from "./task.ts";

const DAYS = "substr(occurred_at, 1, 10) BETWEEN ? AND ?";

/** Revenue of some days in dollars, from the events themselves. */
async function revenueOf({ rows }: Desk, [from, to]: [string, string], where = "1") {
  const sql = `SELECT coalesce(sum(amount_cents), 0) / 100.0 AS usd FROM events WHERE kind = 'order' AND ${DAYS} AND ${where}`;
  return (await rows("ANALYTICS_DB", sql, from, to))[0]?.usd as number;
}

const LAST_30: [string, string] = [dayAgo(30), dayAgo(1)];

/** Questions of people about the figures. */
export const ANALYTICS_QUESTIONS: readonly Task[] = [
  {
    ask: "What changed in EMEA last week, and why?",
    async solve(desk) {
      const answer = await desk.call("analytics_compare", {
        metric: "revenue",
        region: "EMEA",
        period: "last_week",
        by: "channel",
      });
      const [now, before] = [
        await revenueOf(desk, weekAgo(1), "region = 'Europe'"),
        await revenueOf(desk, weekAgo(2), "region = 'Europe'"),
      ];
      expect(answer.value).toBeCloseTo(now, 2);
      expect(answer.baseline).toBeCloseTo(before, 2);
      const parts = answer.contributions as { contribution: number }[];
      const sum = parts.reduce((total, { contribution }) => total + contribution, 0);
      expect(sum + (answer.others?.contribution ?? 0)).toBeCloseTo(now - before, 1);
      expect(answer.notes.join()).toContain("Europe");
    },
  },
  {
    ask: "Give me the metrics of a region: how are the regions doing?",
    async solve(desk) {
      const answer = await desk.call("analytics_regional_metrics", { metrics: ["revenue", "orders"] });
      const facts = await desk.rows(
        "ANALYTICS_DB",
        `SELECT region, sum(amount_cents) / 100.0 AS revenue, count(*) AS orders FROM events
          WHERE kind = 'order' AND ${DAYS} GROUP BY region`,
        ...LAST_30,
      );
      const table = new Map(toRecords(answer).map((row) => [row.region, row]));
      for (const { region, revenue, orders } of facts) {
        expect(table.get(region)?.revenue, region).toBeCloseTo(revenue, 2);
        expect(table.get(region)?.orders, region).toBe(orders);
      }
    },
  },
  {
    ask: "How much did we sell in Germany in the last 30 days?",
    async solve(desk) {
      const answer = await desk.call("analytics_query", {
        metrics: ["sales"],
        filters: { country: "Germany" },
        period: "last_30_days",
      });
      expect(answer.totals.revenue).toBeCloseTo(await revenueOf(desk, LAST_30, "country = 'Germany'"), 2);
      expect(answer.units.revenue).toBe("USD");
    },
  },
  {
    ask: "Which three products sold best last quarter?",
    async solve(desk) {
      const answer = await desk.call("analytics_query", {
        metrics: ["units"],
        dimensions: ["product"],
        period: "last_quarter",
        limit: 3,
      });
      const [from, to] = String(answer.period).split("..");
      const facts = await desk.rows(
        "ANALYTICS_DB",
        `SELECT product, sum(quantity) AS units FROM events WHERE kind = 'order' AND ${DAYS} GROUP BY product`,
        from,
        to,
      );
      const units = new Map(facts.map(({ product, units: count }) => [product, count]));
      const shown = toRecords(answer).filter(({ product }) => product !== "(other)");
      expect(shown.map(({ product, units: count }) => [product, count])).toEqual(
        shown.map(({ product }) => [product, units.get(product)]),
      );
      const best = [...units.values()].sort((a, b) => b - a).slice(0, 3);
      expect(shown.map(({ units: count }) => count)).toEqual(best);
      expect(from?.slice(5)).toMatch(/^(01|04|07|10)-01$/);
    },
  },
  {
    ask: "How did revenue develop month by month over the last year?",
    async solve(desk) {
      const answer = await desk.call("analytics_query", {
        metrics: ["revenue"],
        period: "last_12_months",
        grain: "month",
      });
      const table = toRecords(answer);
      expect(table).toHaveLength(12);
      expect(table.at(-1)?.revenue).toBeCloseTo(await revenueOf(desk, monthAgo(1)), 2);
      expect(table[0]?.revenue).toBeCloseTo(await revenueOf(desk, monthAgo(12)), 2);
    },
  },
  {
    ask: "What share of visits turns into orders, by channel?",
    async solve(desk) {
      const answer = await desk.call("analytics_query", {
        metrics: ["conversion_rate"],
        dimensions: ["channel"],
        period: "last_90_days",
      });
      const facts = await desk.rows(
        "ANALYTICS_DB",
        `SELECT channel, 100.0 * sum(kind = 'order') / sum(kind = 'visit') AS rate FROM events
          WHERE ${DAYS} GROUP BY channel`,
        dayAgo(90),
        dayAgo(1),
      );
      const table = new Map(toRecords(answer).map((row) => [row.channel, row.conversion_rate]));
      for (const { channel, rate } of facts) expect(table.get(channel), channel).toBeCloseTo(rate, 1);
    },
  },
  {
    ask: "Are we ahead of last year, and which countries made the difference?",
    async solve(desk) {
      const answer = await desk.call("analytics_compare", {
        metric: "orders",
        period: "last_month",
        against: "previous_year",
        by: "country",
        limit: 20,
      });
      const count = async ([from, to]: [string, string]) =>
        (
          await desk.rows(
            "ANALYTICS_DB",
            `SELECT count(*) AS n FROM events WHERE kind = 'order' AND ${DAYS}`,
            from,
            to,
          )
        )[0]?.n;
      const [now, before] = [await count(monthAgo(1)), await count(monthAgo(13))];
      expect([answer.value, answer.baseline, answer.change]).toEqual([now, before, now - before]);
      const parts = answer.contributions as { contribution: number }[];
      expect(parts.reduce((total, { contribution }) => total + contribution, 0)).toBe(now - before);
    },
  },
  {
    ask: "Where do we lose people before they pay?",
    async solve(desk) {
      const answer = await desk.call("analytics_funnel", { period: "last_30_days" });
      const [fact] = await desk.rows(
        "ANALYTICS_DB",
        `SELECT count(DISTINCT customer_id) AS people FROM events WHERE kind = 'visit' AND ${DAYS}`,
        ...LAST_30,
      );
      const people = toRecords(answer).map((row) => row.people as number);
      expect(people[0]).toBe(fact?.people);
      expect(people).toEqual([...people].sort((a, b) => b - a));
      expect(answer.biggest_loss).toMatch(/people between/);
    },
  },
  {
    ask: "Were there odd days lately?",
    async solve(desk) {
      const answer = await desk.call("analytics_detect_anomalies", { metric: "revenue", limit: 3 });
      for (const { at, value, why } of answer.anomalies as { at: string; value: number; why: string }[]) {
        expect(value, at).toBeCloseTo(await revenueOf(desk, [at, at]), 2);
        expect(why).toMatch(/above|below/);
      }
      expect(answer.checked).toBe(90);
    },
  },
  {
    ask: "What will we sell in the next three months, and how sure is that?",
    async solve(desk) {
      const answer = await desk.call("analytics_forecast", { metric: "revenue", grain: "month", horizon: 3 });
      const table = toRecords(answer);
      expect(table.map(({ month }) => month)).toEqual([0, -1, -2].map((ago) => monthAgo(ago)[0].slice(0, 7)));
      for (const { low, forecast, high } of table) expect(low <= forecast && forecast <= high).toBe(true);
      expect(answer.back_test.points).toBeGreaterThan(0);
    },
  },
  {
    ask: "How many first-time buyers come back?",
    async solve(desk) {
      const answer = await desk.call("analytics_retention", { period: "last_3_months" });
      const facts = await desk.rows(
        "ANALYTICS_DB",
        `SELECT substr(first, 1, 7) AS month, count(*) AS people FROM (
           SELECT customer_id, min(occurred_at) AS first FROM events WHERE kind = 'order' GROUP BY customer_id)
          GROUP BY month`,
      );
      const people = new Map(facts.map((row) => [row.month, row.people]));
      const table = toRecords(answer);
      expect(table).toHaveLength(3);
      for (const row of table) expect(row.people, row.cohort).toBe(people.get(row.cohort));
    },
  },
  {
    ask: "What margin do we make on tents?",
    async solve(desk) {
      const answer = await desk.call("analytics_query", {
        metrics: ["margin"],
        filters: { product: "Two-Person Tent" },
        period: "last_12_months",
      });
      const [fact] = await desk.rows(
        "ANALYTICS_DB",
        `SELECT 100.0 * (sum(amount_cents) - sum(cost_cents)) / sum(amount_cents) AS margin FROM events
          WHERE kind = 'order' AND product = 'Two-Person Tent' AND ${DAYS}`,
        monthAgo(12)[0],
        monthAgo(1)[1],
      );
      expect(answer.totals.gross_margin).toBeCloseTo(fact?.margin, 1);
    },
  },
  {
    ask: "What exactly is the refund rate, and who answers for it?",
    async solve({ call }) {
      const { metrics } = await call("analytics_list_metrics", { search: "refund rate" });
      expect(metrics[0]).toMatchObject({
        name: "refund_rate",
        formula: "refunded_amount ÷ revenue × 100",
        owner: "Finance",
      });
    },
  },
  {
    ask: "What does an order bring on average, by segment?",
    async solve(desk) {
      const answer = await desk.call("analytics_query", {
        metrics: ["average_order_value"],
        dimensions: ["segment"],
        period: "last_12_months",
      });
      const facts = await desk.rows(
        "ANALYTICS_DB",
        `SELECT segment, avg(amount_cents) / 100.0 AS value FROM events
          WHERE kind = 'order' AND ${DAYS} GROUP BY segment`,
        monthAgo(12)[0],
        monthAgo(1)[1],
      );
      const table = new Map(toRecords(answer).map((row) => [row.segment, row.average_order_value]));
      for (const { segment, value } of facts) expect(table.get(segment), segment).toBeCloseTo(value, 1);
    },
  },
  {
    ask: "Who are our five biggest customers this year?",
    async solve(desk) {
      const answer = await desk.call("analytics_query", {
        metrics: ["revenue"],
        dimensions: ["customer"],
        period: "last_12_months",
        limit: 5,
      });
      const facts = await desk.rows(
        "ANALYTICS_DB",
        `SELECT sum(amount_cents) / 100.0 AS usd FROM events WHERE kind = 'order' AND ${DAYS}
          GROUP BY customer_id ORDER BY usd DESC LIMIT 5`,
        monthAgo(12)[0],
        monthAgo(1)[1],
      );
      const shown = toRecords(answer).filter(({ customer }) => customer !== "(other)");
      expect(shown).toHaveLength(5);
      for (const [index, { revenue }] of shown.entries()) {
        expect(revenue).toBeCloseTo(facts[index]?.usd, 2);
      }
    },
  },
  {
    ask: "At which hour do people order most? Ask the database itself.",
    async solve({ call, rows }) {
      const sql =
        "SELECT substr(occurred_at, 12, 2) AS hour, count(*) AS n FROM events WHERE kind = ? GROUP BY hour ORDER BY n DESC, hour LIMIT 3";
      const answer = await call("analytics_sql", { sql, params: ["order"] });
      expect(toRecords(answer)).toEqual(await rows("ANALYTICS_DB", sql, "order"));
    },
  },
  {
    ask: "Take these two orders from the market stall into the figures. I may have sent them before.",
    async solve({ call, lane, rows }) {
      const event = (key: string) => ({
        key: `stall-${lane}-${key}`,
        occurred_at: `${dayAgo(2)}T10:00:00Z`,
        kind: "order",
        customer_id: `stall-${lane}`,
        region: "Europe",
        country: "Germany",
        segment: "Consumer",
        channel: "direct",
        category: "Camping",
        product: "Headlamp",
        quantity: 1,
        amount_cents: 1_234,
        cost_cents: 600,
      });
      const events = [event("a"), event("b")];
      expect(await call("analytics_track", { events })).toMatchObject({ stored: 2, duplicates: 0 });
      expect(await call("analytics_track", { events })).toMatchObject({ stored: 0, duplicates: 2 });
      const stored = "SELECT count(*) AS n FROM events WHERE customer_id = ?";
      expect(await rows("ANALYTICS_DB", stored, `stall-${lane}`)).toEqual([{ n: 2 }]);
    },
  },
];
