/** A table offered to SQL queries; the types of its columns are read from the database. */
export interface OfferedTable {
  name: string;
  title: string;
  /** Meaning of one row, and caveats. */
  description: string;
  columns: Readonly<Record<string, string>>;
  /**
   * Number of rows, for cost estimates: a number for fixed tables, `events` for tables that grow with the
   * events.
   */
  size: number | "events";
}

/** Columns of every table of sums. */
const SUMS = {
  events: "Number of events",
  quantity: "Pieces",
  amount_cents: "US cents",
  cost_cents: "US cents",
  new_customers: "First orders",
} as const;

/** All tables that `analytics_sql` may read. Other tables do not exist for callers. */
export const OFFERED_TABLES: readonly OfferedTable[] = [
  {
    name: "events",
    size: "events",
    title: "Shop events",
    description:
      "One row an event of the shop: visit, cart, checkout, order or refund. Generated demonstration data when run locally.",
    columns: {
      id: "Number of the event",
      occurred_at: "UTC, YYYY-MM-DDTHH:MM:SSZ; substr(occurred_at, 1, 10) is the day",
      kind: "visit, cart, checkout, order or refund",
      customer_id: "The same customer has the same id everywhere",
      region: "Sales region",
      country: "Country; joins country_profiles.country",
      segment: "Consumer, Small business or Enterprise",
      channel: "How the customer came",
      category: "Product category",
      product: "Product",
      campaign: "Marketing campaign, or NULL",
      quantity: "Pieces; 0 for visits",
      amount_cents: "US cents: of the order, or given back by the refund; 0 otherwise",
      cost_cents: "US cents: cost of the goods ordered; 0 otherwise",
      new_customer: "1 on a customer's first order ever",
      event_key: "The sender's own key of the event, or NULL",
      new_customer_sent: "What the sender said about new_customer, or NULL",
    },
  },
  {
    name: "daily_totals",
    size: "events",
    title: "Daily totals",
    description:
      "Sums of events by UTC day, kind, region, country and segment; much smaller than events. Never add up distinct customers from it.",
    columns: {
      kind: "As in events",
      day: "UTC day, YYYY-MM-DD",
      region: "Sales region",
      country: "Country",
      segment: "Customer segment",
      ...SUMS,
    },
  },
  {
    name: "daily_channels",
    size: "events",
    title: "Daily totals by channel",
    description: "Like daily_totals, by UTC day, kind, region, segment, channel and campaign.",
    columns: {
      kind: "As in events",
      day: "UTC day, YYYY-MM-DD",
      region: "Sales region",
      segment: "Customer segment",
      channel: "How the customer came",
      campaign: "Marketing campaign, or (none)",
      ...SUMS,
    },
  },
  {
    name: "daily_products",
    size: "events",
    title: "Daily totals by product",
    description: "Like daily_totals, by UTC day, kind, region, channel, category and product.",
    columns: {
      kind: "As in events",
      day: "UTC day, YYYY-MM-DD",
      region: "Sales region",
      channel: "How the customer came",
      category: "Product category",
      product: "Product",
      ...SUMS,
    },
  },
  {
    name: "hourly_totals",
    size: "events",
    title: "Hourly totals",
    description: "Like daily_totals, by hour, kind and region.",
    columns: {
      kind: "As in events",
      hour: "UTC, YYYY-MM-DDTHH:00:00Z",
      region: "Sales region",
      ...SUMS,
    },
  },
  {
    name: "calendar",
    size: 15_000,
    title: "Calendar",
    description: "One row a day, 2000 to 2040: left join from it for series without gaps.",
    columns: {
      day: "YYYY-MM-DD",
      week_start: "Monday of the week",
      month: "YYYY-MM",
      quarter: "YYYY-Qn",
      year: "YYYY",
      weekday: "Mon to Sun",
    },
  },
  {
    name: "country_profiles",
    size: 200,
    title: "Country profiles",
    description:
      "Population and income of 187 countries. Gapminder, CC BY 4.0; the reference year is not stated.",
    columns: {
      country: "English name",
      world_region: "Gapminder's region",
      income_per_person:
        "GDP per person in international dollars, inflation-adjusted, at purchasing power parity",
      life_expectancy: "Years",
      population: "Persons",
    },
  },
  {
    name: "us_employment",
    size: 1_500,
    title: "US employment",
    description:
      "Jobs by sector and month, 2006 to 2015, seasonally adjusted; the eleven sectors add up to nonfarm jobs. US Bureau of Labor Statistics, public domain.",
    columns: { month: "First day of the month, YYYY-MM-01", sector: "Supersector", jobs: "Persons employed" },
  },
  {
    name: "us_unemployment",
    size: 2_000,
    title: "US unemployment",
    description:
      "Unemployed persons and rate by industry and month, 2000 to February 2010. US Census Bureau and Bureau of Labor Statistics, public domain.",
    columns: {
      month: "First day of the month, YYYY-MM-01",
      industry: "Industry of the last job",
      unemployed: "Persons",
      rate_percent: "Percent of the industry's labour force",
    },
  },
  {
    name: "sources",
    size: 20,
    title: "Sources",
    description: "Where the public tables come from and under which licence they may be used.",
    columns: {
      table_name: "Table",
      title: "Name of the data set",
      publisher: "Who publishes it",
      url: "Where",
      licence: "Licence",
      licence_url: "Its text",
      note: "What to say or to know when using it",
    },
  },
];

/** Finds an offered table by its exact name. */
export function findTable(name: string): OfferedTable | undefined {
  return OFFERED_TABLES.find((table) => table.name === name);
}
