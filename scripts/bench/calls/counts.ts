/** Where the counting Worker answers with its {@link Counts}. */
export const COUNTS_PATH = "/bench/counts";

/** What happened in a Worker since it began, by name. */
export type Counts = Record<string, number>;

/** What `after` has more than `before`, for each of `calls`. */
export function perCall(before: Counts, after: Counts, calls: number): Counts {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return Object.fromEntries(names.map((name) => [name, ((after[name] ?? 0) - (before[name] ?? 0)) / calls]));
}
