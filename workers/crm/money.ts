/** The currency of all deals (ISO 4217). */
export const CURRENCY = "USD";

/** The largest amount of a caller, in currency units; its cents stay exact in a double. */
export const LARGEST_AMOUNT = 1_000_000_000_000;

/** Error of an amount with a fraction of a cent: rounding would store a different amount. */
export const PART_OF_A_CENT = "with no more than two decimals";

/** Whether an amount in currency units is a whole number of cents. */
export function hasWholeCents(amount: number): boolean {
  return fromCents(toCents(amount)) === amount;
}

/** Currency units to whole cents, for storage. {@link hasWholeCents} checks amounts of callers before. */
export function toCents(amount: number): number {
  return Math.round(amount * 100);
}

/** Stored cents to currency units, for display. */
export function fromCents(cents: number): number {
  return cents / 100;
}
