/** Jurisdictions that D1, R2 and Durable Objects know: what is created in one never leaves it. */
export const JURISDICTIONS = ["eu", "us", "fedramp"] as const;

/** Regions that D1, R2 and Durable Objects take as a hint. */
export const LOCATIONS = ["weur", "eeur", "apac", "oc", "wnam", "enam"] as const;

/** Where data is kept: the settings of `wrangler.toml`. An empty text leaves it to Cloudflare. */
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
