import type { Classification } from "../../shared/call/mask-rules.ts";

/**
 * Dimensions of the semantic layer: one definition for all callers, with synonyms of their members. The owner
 * that an entry names reviews changes to it.
 */

/** A dimension of metrics. */
export interface Dimension {
  name: string;
  title: string;
  description: string;
  synonyms: readonly string[];
  owner: string;
  classification: Classification;
}

/** Dimensions, in the order of their listing. */
export const DIMENSIONS = {
  region: {
    title: "Region",
    description: "Sales region of the customer.",
    synonyms: ["regions", "area", "territory", "geo", "theatre"],
    owner: "Sales operations",
    classification: "internal",
  },
  country: {
    title: "Country",
    description: "Country of the customer; each belongs to one region.",
    synonyms: ["countries", "market", "nation"],
    owner: "Sales operations",
    classification: "internal",
  },
  segment: {
    title: "Segment",
    description: "Kind of customer: Consumer, Small business or Enterprise.",
    synonyms: ["segments", "customer segment", "customer type"],
    owner: "Sales operations",
    classification: "internal",
  },
  channel: {
    title: "Channel",
    description: "How the customer came on that visit.",
    synonyms: ["channels", "acquisition channel", "source", "medium"],
    owner: "Marketing",
    classification: "internal",
  },
  category: {
    title: "Category",
    description: "Category of the product.",
    synonyms: ["categories", "product category", "department"],
    owner: "Product",
    classification: "internal",
  },
  product: {
    title: "Product",
    description: "Product that was looked at or ordered.",
    synonyms: ["products", "item", "sku", "article"],
    owner: "Product",
    classification: "internal",
  },
  campaign: {
    title: "Campaign",
    description: 'Marketing campaign of the visit, "(none)" without one.',
    synonyms: ["campaigns", "promotion", "promo"],
    owner: "Marketing",
    classification: "internal",
  },
  customer: {
    title: "Customer",
    description: "One person or company, by a pseudonymous number.",
    synonyms: ["customers", "customer id", "account", "buyer"],
    owner: "Marketing",
    classification: "internal",
  },
  sector: {
    title: "Sector",
    description: "Supersector of US nonfarm employment.",
    synonyms: ["sectors", "industry", "supersector"],
    owner: "Strategy",
    classification: "public",
  },
} as const satisfies Record<string, Omit<Dimension, "name">>;

/** Name of a dimension. */
export type DimensionName = keyof typeof DIMENSIONS;

/** Synonyms of members of dimensions. */
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
