import { FACTS } from "../facts.ts";
import type { Filter } from "./base.ts";
import type { Reader } from "./reader.ts";
import { type CustomerSlice, sliceCustomers, sliceSql } from "./slices.ts";

/** Request for a funnel. */
export interface FunnelRequest {
  /** Kinds of events in their required sequence; two or more. */
  steps: readonly string[];
  /** UTC days of the first step, `to` excluded. */
  from: string;
  to: string;
  /** Maximum days from the first step to the last. */
  days: number;
  filters: readonly Filter[];
  /** Dimension whose member must be the same at every step. */
  by: string | undefined;
  /** Maximum events that one statement sorts; see `sliceCustomers`. */
  sliceEvents?: number;
  /** Aborts between two slices. */
  signal?: AbortSignal;
}

/** Number of distinct people at each step. */
export interface FunnelRow {
  member: string;
  people: number[];
}

/** Maximum events of one funnel: as many as the database processes within a minute. */
export const MAX_FUNNEL_EVENTS = 1_000_000;

/** Maximum members in one answer. */
const MOST_MEMBERS = 100;

/**
 * Counts distinct people who went through the steps in sequence. Each event carries the latest start that
 * leads to it: the latest start leaves the most time and dominates every other, so one pass over time is
 * exact (the rule of ClickHouse's windowFunnel). Events of the same second count in the sequence of the
 * steps. Many events are counted in slices of customers.
 */
export async function countFunnel(db: Reader, request: FunnelRequest): Promise<FunnelRow[]> {
  const { steps, from, to, signal, sliceEvents } = request;
  const [first = ""] = steps;
  const members = new Map<string, number[]>();
  for await (const slice of sliceCustomers(db, first, await countEvents(db, steps, from, to), sliceEvents)) {
    signal?.throwIfAborted();
    for (const { member, people } of await countSlice(db, request, slice)) {
      const sums = members.get(member);
      members.set(member, sums ? sums.map((sum, step) => sum + (people[step] ?? 0)) : people);
    }
  }
  return [...members]
    .map(([member, people]) => ({ member, people }))
    .sort((a, b) => (b.people[0] ?? 0) - (a.people[0] ?? 0) || (a.member < b.member ? -1 : 1))
    .slice(0, MOST_MEMBERS);
}

async function countSlice(db: Reader, request: FunnelRequest, slice: CustomerSlice): Promise<FunnelRow[]> {
  const { steps, from, to, days, filters, by } = request;
  const columns: Readonly<Record<string, string>> = FACTS.commerce.sources.at(-1)?.dimensions ?? {};
  const column = (dimension: string) => {
    const sql = columns[dimension];
    if (sql === undefined) throw new TypeError(`Events have no dimension ${dimension}.`);
    return sql;
  };
  const values: (string | number)[] = [JSON.stringify(steps), from, to, days];
  const conditions = filters.map(({ dimension, members, exclude }) => {
    values.push(JSON.stringify(members));
    return `AND ${column(dimension)} ${exclude ? "NOT " : ""}IN (SELECT value FROM json_each(?${values.length}))`;
  });
  const { table, condition } = sliceSql(slice, values);
  const order = "PARTITION BY customer_id, member ORDER BY occurred_at, step ROWS UNBOUNDED PRECEDING";
  const passes = steps.slice(1).map((_, index) => {
    const step = index + 1;
    // Drops starts that are too old for this step.
    return `pass${step} AS (
      SELECT customer_id, member, occurred_at, step, CASE step WHEN ${step} THEN
          CASE WHEN occurred_at <= strftime('%Y-%m-%dT%H:%M:%SZ', latest, '+' || ?4 || ' days') THEN latest END
        ELSE began END AS began
      FROM (SELECT *, max(CASE step WHEN ${step - 1} THEN began END) OVER (${order}) AS latest FROM pass${step - 1}))`;
  });
  const counts = steps.map(
    (_, step) =>
      `count(DISTINCT CASE WHEN step = ${step} AND began IS NOT NULL THEN customer_id END) AS s${step}`,
  );
  const { results } = await db
    .prepare(
      `WITH chosen AS (
        SELECT customer_id, ${by ? column(by) : "''"} AS member, occurred_at, steps.key AS step
        FROM json_each(?1) AS steps CROSS JOIN ${table}
        WHERE kind = steps.value AND occurred_at >= ?2
          AND occurred_at < CASE steps.key WHEN 0 THEN ?3 ELSE date(?3, '+' || ?4 || ' days') END ${conditions.join(" ")}${condition}
      ),
      pass0 AS (SELECT *, CASE step WHEN 0 THEN occurred_at END AS began FROM chosen),
      ${passes.join(",\n")}
      SELECT member, ${counts.join(", ")} FROM pass${steps.length - 1} GROUP BY member
      HAVING s0 > 0`,
    )
    .bind(...values)
    .all<Record<string, string | number>>();
  return results.map((row) => ({
    member: String(row.member),
    people: steps.map((_, step) => Number(row[`s${step}`])),
  }));
}

/** Number of events of some kinds in a span, from the sums: the cost of a query over the events. */
export async function countEvents(
  db: Reader,
  kinds: readonly string[],
  from: string,
  to: string,
): Promise<number> {
  const row = await db
    .prepare(
      `SELECT coalesce(sum(events), 0) AS events FROM daily_totals
       WHERE kind IN (SELECT value FROM json_each(?)) AND day >= ? AND day < ?`,
    )
    .bind(JSON.stringify(kinds), from, to)
    .first<{ events: number }>();
  return row?.events ?? 0;
}
