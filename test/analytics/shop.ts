import { env } from "cloudflare:workers";
import { generateDays, type ShopEvent } from "../../scripts/seed/analytics/events.ts";
import { insertEvents, insertRows } from "../../scripts/seed/analytics/insert.ts";

/**
 * The day after the last one of the test shop. Tests name their periods, so that the clock does not matter.
 */
export const AS_OF = new Date("2026-03-01T00:00:00Z");

/** Loads a small shop with the generator of the demonstration data, and returns its events. */
export async function loadShop(events = 3_000, days = 420): Promise<ShopEvent[]> {
  const rows = [...generateDays({ asOf: AS_OF, events, days })].flat();
  await insertEvents(env.ANALYTICS_DB, rows);
  return rows;
}

/** Two sectors over three months, in whole persons. */
export const EMPLOYMENT = [
  ["2015-01-01", "Construction", 6_300_000],
  ["2015-02-01", "Construction", 6_320_000],
  ["2015-03-01", "Construction", 6_341_001],
  ["2015-01-01", "Government", 21_900_000],
  ["2015-02-01", "Government", 21_910_000],
  ["2015-03-01", "Government", 21_920_000],
] as const;

/** Loads a few rows of public data in their real format. */
export async function loadPublicSample(): Promise<void> {
  const db = env.ANALYTICS_DB;
  await insertRows(db, "us_employment", ["month", "sector", "jobs"], EMPLOYMENT);
  await insertRows(
    db,
    "country_profiles",
    ["country", "world_region", "income_per_person", "life_expectancy", "population"],
    [
      ["Germany", "europe central asia", 44_053, 81.1, 80_688_545],
      ["United States", "america", 53_354, 79.1, 321_773_631],
    ],
  );
}

/** One event, an order by default. */
export function makeEvent(event: Partial<ShopEvent> & Pick<ShopEvent, "id">): ShopEvent {
  return {
    occurred_at: "2026-01-15T12:00:00Z",
    kind: "order",
    customer_id: "C1",
    region: "Europe",
    country: "Germany",
    segment: "Consumer",
    channel: "search",
    category: "Footwear",
    product: "Trail Shoe",
    campaign: null,
    quantity: 1,
    amount_cents: 0,
    cost_cents: 0,
    new_customer: 0,
    ...event,
  };
}
