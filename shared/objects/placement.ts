/** Jurisdictions that D1, R2 and Durable Objects all have. Data that is created in one stays in it. */
export const JURISDICTIONS = ["eu", "us", "fedramp"] as const;

/** Regions that D1, R2 and Durable Objects all take as a hint. */
export const LOCATIONS = ["weur", "eeur", "apac", "oc", "wnam", "enam"] as const;

/** Variables that place data. An empty text leaves the place to Cloudflare. */
export interface Placement {
  DATA_LOCATION?: string;
  DATA_JURISDICTION?: string;
}

/** Whether a setting names a jurisdiction. */
export function isJurisdiction(text: string): text is (typeof JURISDICTIONS)[number] {
  return (JURISDICTIONS as readonly string[]).includes(text);
}

/** Whether a setting names a region. */
export function isLocation(text: string): text is (typeof LOCATIONS)[number] {
  return (LOCATIONS as readonly string[]).includes(text);
}
