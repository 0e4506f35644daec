/** Damps the weight of the first ranks (Cormack, Clarke and Büttcher 2009). */
const K = 60;

/**
 * Reciprocal rank fusion: an item scores the sum of 1 / (60 + rank) over the rankings that hold it. Best
 * first; equal scores keep the order of the first ranking. Returns the item of the first ranking that has it.
 */
export function fuseRankings<T>(
  rankings: readonly (readonly T[])[],
  keyOf: (item: T) => number,
): { item: T; score: number }[] {
  const fused = new Map<number, { item: T; score: number }>();
  for (const ranking of rankings) {
    ranking.forEach((item, place) => {
      const entry = fused.get(keyOf(item)) ?? { item, score: 0 };
      entry.score += 1 / (K + place + 1);
      fused.set(keyOf(item), entry);
    });
  }
  return [...fused.values()].sort((a, b) => b.score - a.score);
}
