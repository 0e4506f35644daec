import { generateDays, type ShopEvent } from "./analytics/events.ts";
import { insertEvents } from "./analytics/insert.ts";
import { loadPublicData } from "./analytics/public-data.ts";

/** Options of the analytics seed. */
export interface AnalyticsSeedOptions {
  /** The data ends the day before; the same day gives the same rows. */
  asOf: Date;
  /** Number of shop events, up to 10,000,000, over two years. */
  events: number;
  /** Takes progress, one sentence at a time. */
  report: (line: string) => void;
}

const MAX_EVENTS = 10_000_000;
const EVENTS_PER_WRITE = 10_000;

/**
 * Fills an empty analytics database: public data with its sources, and an invented outdoor shop whose last
 * weeks contain a campaign and an outage to find. Throws `RangeError` for a size outside of 1 to 10,000,000.
 */
export async function seedAnalytics(db: D1Database, options: AnalyticsSeedOptions): Promise<void> {
  const { asOf, events, report } = options;
  if (!Number.isInteger(events) || events < 1 || events > MAX_EVENTS) {
    throw new RangeError(`Analytics can be loaded with 1 to ${MAX_EVENTS} events.`);
  }
  const facts = await loadPublicData(db);
  report(`${facts.toLocaleString("en")} rows of public data`);
  let waiting: ShopEvent[] = [];
  let written = 0;
  for (const day of generateDays({ asOf, events })) {
    waiting.push(...day);
    if (waiting.length < EVENTS_PER_WRITE) continue;
    await insertEvents(db, waiting);
    written += waiting.length;
    waiting = [];
    report(`${written.toLocaleString("en")} of ${events.toLocaleString("en")} events`);
  }
  await insertEvents(db, waiting);
  report(`${events.toLocaleString("en")} events`);
}
