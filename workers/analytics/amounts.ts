/**
 * Exact decimal results. Sums arrive as whole numbers (cents, counts); a result is first an integer number of
 * ticks (10^-decimals of its unit) and becomes a decimal number last, so that no rounding error can add up.
 */

/**
 * `numerator factor / denominator` in ticks, rounded half away from zero. All arguments are integers; the
 * division is exact in BigInt. Returns `null` when the denominator is 0.
 */
export function divideToTicks(
  numerator: number,
  denominator: number,
  factor: number,
  decimals: number,
): number | null {
  if (denominator === 0) return null;
  const scaled = BigInt(numerator) * BigInt(factor) * 10n ** BigInt(decimals);
  const divisor = BigInt(denominator);
  const negative = scaled < 0n !== divisor < 0n;
  const top = scaled < 0n ? -scaled : scaled;
  const bottom = divisor < 0n ? -divisor : divisor;
  const rounded = (top * 2n + bottom) / (bottom * 2n);
  return Number(negative ? -rounded : rounded);
}

/** Ticks as a decimal number: 1999 with 2 decimals is 19.99. */
export function fromTicks(ticks: number, decimals: number): number {
  return ticks / 10 ** decimals;
}

/** `null` stays `null`. */
export function fromTicksOrNull(ticks: number | null, decimals: number): number | null {
  return ticks === null ? null : fromTicks(ticks, decimals);
}

/** A part in percent of a whole, two decimals; `null` when the whole is 0. Both are integers. */
export function percentOf(part: number, whole: number): number | null {
  return fromTicksOrNull(divideToTicks(part, whole, 100, 2), 2);
}

/**
 * Change from `before` to `after` in percent of `before`, two decimals; `null` when there is nothing to
 * compare with.
 */
export function percentChange(before: number | null, after: number | null): number | null {
  if (before === null || after === null) return null;
  return percentOf(after - before, Math.abs(before));
}

/**
 * Rounds parts to whole ticks so that they add up to `total` exactly (largest remainder method, Hamilton).
 * The parts should add up to `total` up to floating-point noise; ties go to the earlier part.
 */
export function apportion(parts: readonly number[], total: number): number[] {
  const floors = parts.map((part) => Math.floor(part));
  const order = parts
    .map((part, index) => ({ index, rest: part - Math.floor(part) }))
    .sort((a, b) => b.rest - a.rest || a.index - b.index);
  let missing = total - floors.reduce((sum, part) => sum + part, 0);
  const step = missing < 0 ? -1 : 1;
  // Floating-point noise can leave more ticks than parts, or a negative number: repeat until all are placed.
  for (let turn = 0; missing !== 0 && order.length > 0; turn++) {
    const place = step > 0 ? turn % order.length : order.length - 1 - (turn % order.length);
    const index = order[place]?.index ?? 0;
    floors[index] = (floors[index] ?? 0) + step;
    missing -= step;
  }
  return floors;
}

/**
 * Shares of a whole in percent with two decimals that add up to exactly 100; all `null` when the whole is 0.
 */
export function sharesOf(parts: readonly number[]): (number | null)[] {
  const whole = parts.reduce((sum, part) => sum + part, 0);
  if (whole === 0) return parts.map(() => null);
  return apportion(
    parts.map((part) => (part / whole) * 10_000),
    10_000,
  ).map((ticks) => fromTicks(ticks, 2));
}
