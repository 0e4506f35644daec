import type { FactName } from "./facts.ts";

/** A whole number that the database adds up; metrics are made of one or two of them. */
export interface Measure {
  fact: FactName;
  /** Aggregate over the columns of a source. Never NULL where there is a row. */
  sql: string;
  /** Columns it needs; decides which source can give it. */
  columns: readonly string[];
  /** Kinds of events it looks at; the others are not read. */
  kinds?: readonly string[];
  /**
   * How the measure of a whole comes from its parts: `sum` adds up; `distinct` counts a customer once however many
   * parts it is in; `shared` is the same for every part (months in the period).
   */
  adds: "sum" | "distinct" | "shared";
}

/** Everything that is added up. */
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

/** The measure that counts what a measure's sum is made of: how many orders the money came from. */
export function eventsBehind(name: MeasureName): MeasureName | undefined {
  if (name === "refunded_cents") return "refunds";
  if (name.endsWith("_cents")) return "orders";
  return MEASURES[name].fact === "commerce" ? name : undefined;
}
