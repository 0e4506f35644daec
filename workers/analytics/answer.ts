import { fromTicksOrNull } from "./amounts.ts";
import { FACTS, type Fact, type FactName } from "./facts.ts";
import type { Parts } from "./measures.ts";
import { computeTicks, decimalsOf } from "./metrics.ts";
import type { Period } from "./periods.ts";
import type { Metric } from "./semantic-layer.ts";
import type { Filter } from "./store/base.ts";
import type { AnalyticsStore } from "./store.ts";

/** Period used when neither the call nor the session names one. */
export const DEFAULT_PERIOD = "last_30_days";

/** A metric's value for the answer; `null` where its denominator is 0. */
export function presentValue(metric: Metric, parts: Parts): number | null {
  return fromTicksOrNull(computeTicks(metric, parts), decimalsOf(metric));
}

/** Units of the metrics of an answer, by name. */
export function presentUnits(metrics: readonly Metric[]): Record<string, string> {
  return Object.fromEntries(metrics.map(({ name, unit }) => [name, unit]));
}

/** Publisher of the figures; empty for the shop's own events. */
export function presentSource(fact: FactName): { source?: string } {
  const { publisher }: Fact = FACTS[fact];
  return publisher === undefined ? {} : { source: publisher };
}

/** Note for a period without rows: the days that the data covers. */
export async function describeCoverage(store: AnalyticsStore, fact: FactName): Promise<string> {
  const coverage = await store.readCoverage(fact);
  return coverage
    ? `No data in this period; there is data from ${coverage.first} to ${coverage.last}.`
    : "There is no data yet.";
}

/** Note for a query without rows: the filters match no row, or the days that the data covers. */
export async function describeNothing(
  store: AnalyticsStore,
  fact: FactName,
  period: Period,
  filters: readonly Filter[],
): Promise<string> {
  const coverage = await store.readCoverage(fact);
  const isCovered = coverage && period.from <= coverage.last && period.to > coverage.first;
  if (!isCovered || filters.length === 0) return describeCoverage(store, fact);
  const named = filters.map(
    ({ dimension, members, exclude }) => `${dimension} ${exclude ? "not " : ""}${members.join(" or ")}`,
  );
  return `Nothing in this period matches ${named.join(" and ")}: the figures are zero because of the filters.`;
}

/** Removes undefined notes. */
export function listNotes(...notes: (string | undefined)[]): string[] {
  return notes.filter((note) => note !== undefined);
}

/** Adds `notes` unless the list is empty. */
export function withNotes<T extends object>(answer: T, notes: readonly string[]): T & { notes?: string[] } {
  return notes.length > 0 ? { ...answer, notes: [...notes] } : answer;
}
