import { FACTS } from "../facts.ts";
import type { Filter } from "./base.ts";
import { countEvents } from "./funnel.ts";
import type { Reader } from "./reader.ts";
import { type CustomerSlice, sliceCustomers, sliceSql } from "./slices.ts";

/** Bucket sizes of a cohort. */
export type CohortGrain = "day" | "week" | "month";

/** Request for a retention table. */
export interface CohortRequest {
  /**
   * The kind of event: the first one assigns a customer to the cohort of its bucket, later ones are returns.
   */
  kind: "order" | "visit";
  grain: CohortGrain;
  /** First days of buckets, `to` excluded. */
  from: string;
  to: string;
  filters: readonly Filter[];
  /** Maximum events that one statement sorts; see `sliceCustomers`. */
  sliceEvents?: number;
  /** Aborts between two slices. */
  signal?: AbortSignal;
}

/** Number of people of one cohort in one later bucket. */
export interface CohortCell {
  /** First day of the bucket of the first event. */
  cohort: string;
  /** Buckets since then; 0 is the cohort itself. */
  age: number;
  people: number;
}

/** SQL for a number that grows by one per bucket. */
const NUMBERS: Readonly<Record<CohortGrain, (day: string) => string>> = {
  day: (day) => `cast(julianday(${day}) AS INTEGER)`,
  week: (day) => `cast((julianday(date(${day}, '-6 days', 'weekday 1')) - 0.5) / 7 AS INTEGER)`,
  month: (day) => `(substr(${day}, 1, 4) * 12 + substr(${day}, 6, 2))`,
};

const STARTS: Readonly<Record<CohortGrain, (day: string) => string>> = {
  day: (day) => day,
  week: (day) => `date(${day}, '-6 days', 'weekday 1')`,
  month: (day) => `substr(${day}, 1, 7) || '-01'`,
};

/**
 * Counts the buckets in which customers returned, for all customers whose first such event ever lies in the
 * span. Both the first event and the returns are among the events that pass the filters.
 */
export async function countCohorts(db: Reader, request: CohortRequest): Promise<CohortCell[]> {
  const { kind, from, to, signal, sliceEvents } = request;
  const cells = new Map<string, CohortCell>();
  for await (const slice of sliceCustomers(db, kind, await countEvents(db, [kind], from, to), sliceEvents)) {
    signal?.throwIfAborted();
    for (const cell of await countSlice(db, request, slice)) {
      const place = `${cell.cohort} ${cell.age}`;
      cells.set(place, { ...cell, people: cell.people + (cells.get(place)?.people ?? 0) });
    }
  }
  return [...cells.values()].sort((a, b) =>
    a.cohort === b.cohort ? a.age - b.age : a.cohort < b.cohort ? -1 : 1,
  );
}

async function countSlice(db: Reader, request: CohortRequest, slice: CustomerSlice): Promise<CohortCell[]> {
  const { kind, grain, from, to, filters } = request;
  const columns: Readonly<Record<string, string>> = FACTS.commerce.sources.at(-1)?.dimensions ?? {};
  const values: (string | number)[] = [kind, from, to];
  const conditions = filters.map(({ dimension, members, exclude }) => {
    const sql = columns[dimension];
    if (sql === undefined) throw new TypeError(`Events have no dimension ${dimension}.`);
    values.push(JSON.stringify(members));
    return ` AND ${sql} ${exclude ? "NOT " : ""}IN (SELECT value FROM json_each(?${values.length}))`;
  });
  const kept = conditions.join("");
  const { table, condition } = sliceSql(slice, values);
  const day = "substr(occurred_at, 1, 10)";
  const { results } = await db
    .prepare(
      `WITH seen AS (
        SELECT DISTINCT customer_id, ${STARTS[grain](day)} AS bucket FROM ${table}
        WHERE kind = ?1 AND occurred_at >= ?2 AND occurred_at < ?3${kept}${condition}
      ),
      firsts AS (
        SELECT customer_id, min(bucket) AS cohort FROM seen GROUP BY customer_id
        HAVING NOT EXISTS (
          SELECT 1 FROM events WHERE kind = ?1 AND events.customer_id = seen.customer_id AND occurred_at < ?2${kept}
        )
      )
      SELECT cohort, ${NUMBERS[grain]("bucket")} - ${NUMBERS[grain]("cohort")} AS age, count(*) AS people
      FROM firsts JOIN seen USING (customer_id) GROUP BY cohort, age`,
    )
    .bind(...values)
    .all<CohortCell>();
  return results;
}
