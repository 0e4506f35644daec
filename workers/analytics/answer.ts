import { fromTicksOrNull } from "./amounts.ts";
import { FACTS, type Fact, type FactName } from "./facts.ts";
import type { Parts } from "./measures.ts";
import { computeTicks, decimalsOf } from "./metrics.ts";
import type { Metric } from "./semantic-layer.ts";
import type { AnalyticsStore } from "./store.ts";

/** Period used when neither the call nor the session names one. */
export const DEFAULT_PERIOD = "last_30_days";

/** A metric's value as it is shown; `null` where it divides by nothing. */
export function presentValue(metric: Metric, parts: Parts): number | null {
  return fromTicksOrNull(computeTicks(metric, parts), decimalsOf(metric));
}

/** Units of the metrics of an answer, by name. */
export function presentUnits(metrics: readonly Metric[]): Record<string, string> {
  return Object.fromEntries(metrics.map(({ name, unit }) => [name, unit]));
}

/** Who published the figures; nothing for the house's own. */
export function presentSource(fact: FactName): { source?: string } {
  const { publisher }: Fact = FACTS[fact];
  return publisher === undefined ? {} : { source: publisher };
}

/** What to say when a period has no rows: where the data begins and ends. */
export async function describeCoverage(store: AnalyticsStore, fact: FactName): Promise<string> {
  const coverage = await store.readCoverage(fact);
  return coverage
    ? `No data in this period; there is data from ${coverage.first} to ${coverage.last}.`
    : "There is no data yet.";
}

/** Adds `notes` when there are any. */
export function withNotes<T extends object>(answer: T, notes: readonly string[]): T & { notes?: string[] } {
  return notes.length > 0 ? { ...answer, notes: [...notes] } : answer;
}
