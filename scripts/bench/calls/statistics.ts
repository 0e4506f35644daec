/**
 * The value that `share` of all values do not exceed (nearest rank: always a measured one). `share` is
 * between 0 and 1. Throws for an empty list.
 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new RangeError("There is no percentile of no values.");
  return value;
}

/**
 * The middle value; of an even number of values the mean of the two in the middle. Throws for an empty list.
 */
export function median(values: readonly number[]): number {
  return (
    (percentile(values, 0.5) +
      -percentile(
        values.map((value) => -value),
        0.5,
      )) /
    2
  );
}

/**
 * The typical ratio of two alternating measurements: the median of the ratios of pairs, because both values
 * of a pair share the same machine load.
 */
export function medianRatio(above: readonly number[], below: readonly number[]): number {
  if (above.length !== below.length) throw new RangeError("Ratios need as many values below as above.");
  return median(above.map((value, index) => value / (below[index] ?? Number.NaN)));
}
