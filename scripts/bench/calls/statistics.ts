/**
 * The value that `share` of all values do not exceed (nearest rank: always one that was measured). `share` lies
 * between 0 and 1. Throws for no values: a percentile of nothing is no number.
 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new RangeError("There is no percentile of no values.");
  return value;
}

/** The middle value; of an even number of values the mean of the two in the middle. Throws for no values. */
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
 * The typical ratio of two things that were measured in turn. Each pair shares the machine's mood, so the ratio is
 * taken pair by pair before the middle one is.
 */
export function medianRatio(above: readonly number[], below: readonly number[]): number {
  if (above.length !== below.length) throw new RangeError("Ratios need as many values below as above.");
  return median(above.map((value, index) => value / (below[index] ?? Number.NaN)));
}
