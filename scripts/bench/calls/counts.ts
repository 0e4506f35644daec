/** Path at which the counting Worker returns its {@link Counts}. */
export const COUNTS_PATH = "/bench/counts";

/** Counters of a Worker since its start, by name. */
export type Counts = Record<string, number>;

/** The difference of `after` and `before`, per call. */
export function perCall(before: Counts, after: Counts, calls: number): Counts {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return Object.fromEntries(names.map((name) => [name, ((after[name] ?? 0) - (before[name] ?? 0)) / calls]));
}
