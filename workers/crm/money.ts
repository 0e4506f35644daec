/** The one currency in which the company keeps its deals (ISO 4217). */
export const CURRENCY = "USD";

/** The largest amount a caller may name, in currency units; its cents stay exact in a double. */
export const LARGEST_AMOUNT = 1_000_000_000_000;

/** Currency units to whole cents, as stored. */
export function toCents(amount: number): number {
  return Math.round(amount * 100);
}

/** Stored cents to currency units, as shown. */
export function fromCents(cents: number): number {
  return cents / 100;
}
