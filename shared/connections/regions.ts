/** Regions near which a Durable Object can be made (Cloudflare, «Location hints»). */
export const OBJECT_REGIONS = ["weur", "eeur", "apac", "oc", "wnam", "enam", "sam", "afr", "me"] as const;

/** One of {@link OBJECT_REGIONS}. */
export type ObjectRegion = (typeof OBJECT_REGIONS)[number];
