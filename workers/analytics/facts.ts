import type { Grain } from "./grains.ts";

/** A table that a fact can be read from. All SQL here is ours; nothing of a caller ever becomes part of it. */
export interface Source {
  table: string;
  /** Column that the period is applied to; compares with `YYYY-MM-DD` as text. */
  time: string;
  /** SQL for the row's UTC day. */
  day: string;
  /** SQL for what measures add up, by the name that measures use. */
  columns: Readonly<Record<string, string>>;
  /** SQL for the dimensions it has, never NULL. */
  dimensions: Readonly<Record<string, string>>;
  /** The grains it can be cut into. */
  grains: readonly Grain[];
}

/** Things that happened, in one or more tables that give the same sums; the cheapest comes first. */
export interface Fact {
  name: string;
  sources: readonly [Source, ...Source[]];
  dimensions: readonly string[];
  grains: readonly Grain[];
}

const DAILY: readonly Grain[] = ["total", "day", "week", "month", "quarter", "year"];
const HOURLY: readonly Grain[] = ["total", "hour", "day", "week", "month", "quarter", "year"];

const dailyTotals: Source = {
  table: "daily_totals",
  time: "day",
  day: "day",
  columns: {
    kind: "kind",
    events: "events",
    quantity: "quantity",
    amount_cents: "amount_cents",
    cost_cents: "cost_cents",
    new_customers: "new_customers",
  },
  dimensions: { region: "region", country: "country", segment: "segment" },
  grains: DAILY,
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
};

const employment: Source = {
  table: "us_employment",
  time: "month",
  day: "month",
  columns: { jobs: "jobs", month: "month" },
  dimensions: { sector: "sector" },
  grains: ["total", "month", "quarter", "year"],
};

/** What can be measured: the shop's own events, and US employment as the market around them. */
export const FACTS = {
  commerce: {
    name: "commerce",
    sources: [dailyTotals, events],
    dimensions: Object.keys(events.dimensions),
    grains: HOURLY,
  },
  employment: {
    name: "employment",
    sources: [employment],
    dimensions: Object.keys(employment.dimensions),
    grains: employment.grains,
  },
} as const satisfies Record<string, Fact>;

/** Name of a fact. */
export type FactName = keyof typeof FACTS;

/** Dimensions of the shop's events, with other words for them. */
export const DIMENSIONS = {
  region: ["regions", "area", "territory", "geo"],
  country: ["countries", "market", "nation"],
  segment: ["segments", "customer segment", "customer type"],
  channel: ["channels", "acquisition channel", "source", "medium"],
  category: ["categories", "product category", "department"],
  product: ["products", "item", "sku", "article"],
  campaign: ["campaigns", "promotion", "promo"],
  customer: ["customers", "customer id", "account", "buyer"],
  sector: ["sectors", "industry", "supersector"],
} as const satisfies Record<string, readonly string[]>;

/** Name of a dimension. */
export type DimensionName = keyof typeof DIMENSIONS;

/** Other words for members of dimensions. */
export const MEMBER_SYNONYMS: Readonly<Record<string, readonly string[]>> = {
  "North America": ["NA", "NAM", "NORAM", "US and Canada"],
  Europe: ["EU", "EUR", "EMEA"],
  "Asia Pacific": ["APAC", "Asia", "Asia-Pac"],
  "Latin America": ["LATAM", "South America"],
  "United States": ["US", "USA", "U.S.", "America"],
  "United Kingdom": ["UK", "GB", "Great Britain", "Britain"],
  "South Korea": ["Korea", "Republic of Korea"],
  Germany: ["DE", "Deutschland"],
  "Small business": ["SMB", "SME", "small"],
  Consumer: ["B2C", "consumers", "private"],
  Enterprise: ["corporate", "large", "enterprises"],
  "(none)": ["none", "no campaign", "organic sales"],
};
