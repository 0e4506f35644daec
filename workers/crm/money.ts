/** The one currency in which the company keeps its deals (ISO 4217). */
export const CURRENCY = "USD";

/** The largest amount a caller may name, in currency units; its cents stay exact in a double. */
export const LARGEST_AMOUNT = 1_000_000_000_000;

/** What is wrong with an amount that has a part of a cent: rounding it would store another one than was given. */
export const PART_OF_A_CENT = "with no more than two decimals";

/** Whether an amount in currency units is a whole number of cents. */
export function hasWholeCents(amount: number): boolean {
  return fromCents(toCents(amount)) === amount;
}

/** Currency units to whole cents, as stored. Amounts that callers name are checked by {@link hasWholeCents} before. */
export function toCents(amount: number): number {
  return Math.round(amount * 100);
}

/** Stored cents to currency units, as shown. */
export function fromCents(cents: number): number {
  return cents / 100;
}
