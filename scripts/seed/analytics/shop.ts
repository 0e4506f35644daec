/** A market of customers. */
export interface Market {
  region: string;
  country: string;
}

/** A product of the shop; prices in US cents. */
export interface Product {
  name: string;
  category: string;
  priceCents: number;
  /** Cost of the goods as a part of the price. */
  costRatio: number;
}

/** Behaviour of a customer segment. */
export interface SegmentTraits {
  name: string;
  /** Maximum pieces per order. */
  maxQuantity: number;
  /** Factor on the purchase probability. */
  conversion: number;
}

/** Markets by weight; the regions are those of the CRM. */
export const MARKETS: readonly (readonly [Market, number])[] = [
  [{ region: "North America", country: "United States" }, 34],
  [{ region: "North America", country: "Canada" }, 6],
  [{ region: "Europe", country: "Germany" }, 12],
  [{ region: "Europe", country: "United Kingdom" }, 10],
  [{ region: "Europe", country: "France" }, 7],
  [{ region: "Europe", country: "Spain" }, 4],
  [{ region: "Europe", country: "Poland" }, 3],
  [{ region: "Europe", country: "Sweden" }, 3],
  [{ region: "Asia Pacific", country: "Japan" }, 5],
  [{ region: "Asia Pacific", country: "Australia" }, 4],
  [{ region: "Asia Pacific", country: "India" }, 4],
  [{ region: "Asia Pacific", country: "Singapore" }, 2],
  [{ region: "Latin America", country: "Brazil" }, 4],
  [{ region: "Latin America", country: "Mexico" }, 2],
];

/** Segments by weight. */
export const SEGMENTS: readonly (readonly [SegmentTraits, number])[] = [
  [{ name: "Consumer", maxQuantity: 2, conversion: 1 }, 78],
  [{ name: "Small business", maxQuantity: 6, conversion: 1.25 }, 17],
  [{ name: "Enterprise", maxQuantity: 24, conversion: 1.5 }, 5],
];

/** Channels by weight with a factor on the purchase probability. */
export const CHANNELS: readonly (readonly [{ name: string; conversion: number }, number])[] = [
  [{ name: "search", conversion: 1 }, 34],
  [{ name: "direct", conversion: 1.3 }, 24],
  [{ name: "ads", conversion: 0.7 }, 18],
  [{ name: "social", conversion: 0.55 }, 14],
  [{ name: "email", conversion: 1.6 }, 10],
];

/** Products by weight. */
export const PRODUCTS: readonly (readonly [Product, number])[] = [
  [{ name: "Trail Shoe", category: "Footwear", priceCents: 12_990, costRatio: 0.52 }, 10],
  [{ name: "Road Shoe", category: "Footwear", priceCents: 14_950, costRatio: 0.5 }, 9],
  [{ name: "Winter Boot", category: "Footwear", priceCents: 18_900, costRatio: 0.55 }, 4],
  [{ name: "Rain Jacket", category: "Clothing", priceCents: 16_500, costRatio: 0.48 }, 7],
  [{ name: "Merino Shirt", category: "Clothing", priceCents: 7_995, costRatio: 0.45 }, 10],
  [{ name: "Running Tights", category: "Clothing", priceCents: 6_490, costRatio: 0.44 }, 8],
  [{ name: "Down Vest", category: "Clothing", priceCents: 13_900, costRatio: 0.5 }, 4],
  [{ name: "Daypack 20", category: "Packs", priceCents: 9_900, costRatio: 0.53 }, 7],
  [{ name: "Trekking Pack 55", category: "Packs", priceCents: 21_900, costRatio: 0.56 }, 3],
  [{ name: "Commuter Bag", category: "Packs", priceCents: 11_950, costRatio: 0.54 }, 5],
  [{ name: "Two-Person Tent", category: "Camping", priceCents: 34_900, costRatio: 0.6 }, 3],
  [{ name: "Sleeping Bag", category: "Camping", priceCents: 19_900, costRatio: 0.57 }, 4],
  [{ name: "Camp Stove", category: "Camping", priceCents: 8_450, costRatio: 0.58 }, 4],
  [{ name: "GPS Watch", category: "Electronics", priceCents: 39_900, costRatio: 0.68 }, 5],
  [{ name: "Headlamp", category: "Electronics", priceCents: 5_990, costRatio: 0.49 }, 7],
  [{ name: "Power Bank", category: "Electronics", priceCents: 4_950, costRatio: 0.62 }, 6],
];

/** Factor on traffic by day of the week, Sunday first: customers shop at the weekend. */
export const WEEKDAYS: readonly number[] = [1.22, 0.94, 0.88, 0.9, 0.95, 1.06, 1.18];

/**
 * Factor on traffic by month, January first: low after the holidays, high in spring and at the end of the
 * year.
 */
export const MONTHS: readonly number[] = [
  0.82, 0.84, 0.96, 1.04, 1.08, 1.06, 0.98, 0.94, 0.98, 1.02, 1.24, 1.32,
];

/** A campaign and an incident, in days before the data ends: the causes that queries can find. */
export const STORY = {
  /** More visits by ads to one category, with a lower purchase rate. */
  campaign: { name: "Autumn Trails", from: 24, to: 11, channel: "ads", category: "Footwear", traffic: 1.35 },
  /** A yearly sale that ran a year before. */
  sale: {
    name: "Anniversary Sale",
    from: 390,
    to: 381,
    channel: "email",
    category: "Clothing",
    traffic: 1.25,
  },
  /** The checkout of one region failed for three days: carts stay, orders drop. */
  outage: { from: 9, to: 7, region: "Europe", completion: 0.12 },
} as const;
