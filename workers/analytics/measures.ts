import type { FactName } from "./facts.ts";

/** An integer that the database adds up; a metric consists of one or two measures. */
export interface Measure {
  fact: FactName;
  /** Aggregate over the columns of a source. Never NULL where there is a row. */
  sql: string;
  /** Columns that it needs; decides which source can compute it. */
  columns: readonly string[];
  /** Kinds of events that it reads; all if undefined. */
  kinds?: readonly string[];
  /**
   * How the value of a whole follows from its parts: `sum` adds up; `distinct` counts a customer once across
   * all parts; `shared` is the same for every part (months in the period).
   */
  adds: "sum" | "distinct" | "shared";
}

/** All measures. */
export const MEASURES = {
  ordered_cents: sumOf("amount_cents", "order"),
  refunded_cents: sumOf("amount_cents", "refund"),
  net_cents: {
    fact: "commerce",
    sql: "sum(CASE kind WHEN 'order' THEN amount_cents WHEN 'refund' THEN -amount_cents ELSE 0 END)",
    columns: ["kind", "amount_cents"],
    kinds: ["order", "refund"],
    adds: "sum",
  },
  profit_cents: {
    fact: "commerce",
    sql: "sum(CASE kind WHEN 'order' THEN amount_cents - cost_cents ELSE 0 END)",
    columns: ["kind", "amount_cents", "cost_cents"],
    kinds: ["order"],
    adds: "sum",
  },
  orders: sumOf("events", "order"),
  units: sumOf("quantity", "order"),
  new_customers: sumOf("new_customers", "order"),
  visits: sumOf("events", "visit"),
  carts: sumOf("events", "cart"),
  checkouts: sumOf("events", "checkout"),
  refunds: sumOf("events", "refund"),
  customers: customersWith("order"),
  visitors: customersWith("visit"),
  jobs: { fact: "employment", sql: "sum(jobs)", columns: ["jobs"], adds: "sum" },
  months: { fact: "employment", sql: "count(DISTINCT month)", columns: ["month"], adds: "shared" },
} as const satisfies Record<string, Measure>;

/** Name of a measure. */
export type MeasureName = keyof typeof MEASURES;

/** Values of measures; integers. */
export type Parts = Readonly<Partial<Record<MeasureName, number>>>;

function sumOf(column: string, kind: string): Measure {
  return {
    fact: "commerce",
    sql: `sum(CASE kind WHEN '${kind}' THEN ${column} ELSE 0 END)`,
    columns: ["kind", column],
    kinds: [kind],
    adds: "sum",
  };
}

function customersWith(kind: string): Measure {
  return {
    fact: "commerce",
    sql: `count(DISTINCT CASE kind WHEN '${kind}' THEN customer_id END)`,
    columns: ["kind", "customer_id"],
    kinds: [kind],
    adds: "distinct",
  };
}

/**
 * The measure that counts the events behind a measure's sum, such as the number of orders behind an amount.
 */
export function eventsBehind(name: MeasureName): MeasureName | undefined {
  if (name === "refunded_cents") return "refunds";
  if (name.endsWith("_cents")) return "orders";
  return MEASURES[name].fact === "commerce" ? name : undefined;
}
