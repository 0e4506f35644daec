import type { Grain } from "./grains.ts";

/** A table that a fact can be read from. All SQL here is fixed; it never contains input of a caller. */
export interface Source {
  table: string;
  /** Column that the period is applied to; compares with `YYYY-MM-DD` as text. */
  time: string;
  /** SQL for the row's UTC day. */
  day: string;
  /** SQL for the columns that measures add up, by the name that measures use. */
  columns: Readonly<Record<string, string>>;
  /** SQL for the source's dimensions, never NULL. */
  dimensions: Readonly<Record<string, string>>;
  /** Grains that the source supports. */
  grains: readonly Grain[];
  /** Resolution of its time; decides whether it can group by the days of another time zone. */
  resolution: "month" | "day" | "hour" | "second";
}

/** Events or facts, in one or more tables that give the same sums; the cheapest comes first. */
export interface Fact {
  name: string;
  sources: readonly [Source, ...Source[]];
  dimensions: readonly string[];
  grains: readonly Grain[];
  /** Publisher of the data; undefined for the shop's own events. */
  publisher?: string;
}

/** Kinds of shop events. */
export const EVENT_KINDS = ["visit", "cart", "checkout", "order", "refund"] as const;

const DAILY: readonly Grain[] = ["total", "day", "week", "month", "quarter", "year"];
const HOURLY: readonly Grain[] = ["total", "hour", "day", "week", "month", "quarter", "year"];

const SUMS = {
  kind: "kind",
  events: "events",
  quantity: "quantity",
  amount_cents: "amount_cents",
  cost_cents: "cost_cents",
  new_customers: "new_customers",
} as const;

/** A table of sums by day, kept by triggers (migrations 0001 and 0003). */
function dailySums(table: string, ...dimensions: string[]): Source {
  return {
    table,
    time: "day",
    day: "day",
    columns: SUMS,
    dimensions: Object.fromEntries(dimensions.map((name) => [name, name])),
    grains: DAILY,
    resolution: "day",
  };
}

const hourlyTotals: Source = {
  table: "hourly_totals",
  time: "hour",
  day: "substr(hour, 1, 10)",
  columns: SUMS,
  dimensions: { region: "region" },
  grains: HOURLY,
  resolution: "hour",
};

const events: Source = {
  table: "events",
  time: "occurred_at",
  day: "substr(occurred_at, 1, 10)",
  columns: {
    kind: "kind",
    events: "1",
    quantity: "quantity",
    amount_cents: "amount_cents",
    cost_cents: "cost_cents",
    new_customers: "new_customer",
    customer_id: "customer_id",
  },
  dimensions: {
    region: "region",
    country: "country",
    segment: "segment",
    channel: "channel",
    category: "category",
    product: "product",
    campaign: "coalesce(campaign, '(none)')",
    customer: "customer_id",
  },
  grains: HOURLY,
  resolution: "second",
};

const employment: Source = {
  table: "us_employment",
  time: "month",
  day: "month",
  columns: { jobs: "jobs", month: "month" },
  dimensions: { sector: "sector" },
  grains: ["total", "month", "quarter", "year"],
  resolution: "month",
};

/** Measurable facts: the shop's own events, and US employment as market data. */
export const FACTS = {
  commerce: {
    name: "commerce",
    sources: [
      dailySums("daily_totals", "region", "country", "segment"),
      dailySums("daily_channels", "region", "segment", "channel", "campaign"),
      dailySums("daily_products", "region", "channel", "category", "product"),
      hourlyTotals,
      events,
    ],
    dimensions: Object.keys(events.dimensions),
    grains: HOURLY,
  },
  employment: {
    name: "employment",
    sources: [employment],
    dimensions: Object.keys(employment.dimensions),
    grains: employment.grains,
    publisher: "US Bureau of Labor Statistics, Current Employment Statistics",
  },
} as const satisfies Record<string, Fact>;

/** Name of a fact. */
export type FactName = keyof typeof FACTS;
