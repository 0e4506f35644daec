/**
 * Tail score of a count against its expected value, as a normal value with the same tail probability. Exact
 * for small counts too, where a root transformation exaggerates an empty day. (Peizer and Pratt: J. American
 * Statistical Association 63, 1968; errors below 0.01.)
 */
export function scoreCount(count: number, expected: number): number {
  if (expected <= 0) return count > 0 ? scoreCount(count, 0.5) : 0;
  if (count > expected) return Math.max(0, poissonLower(count - 1, expected));
  return Math.min(0, poissonLower(count, expected));
}

/** Tail score of a count out of `all` with an expected `rate` (0 to 1). */
export function scorePart(count: number, all: number, rate: number): number {
  const chance = Math.min(0.999, Math.max(0.001, rate));
  if (all <= 0) return 0;
  if (count > all * chance) return -Math.min(0, binomialLower(all - count, all, 1 - chance));
  return Math.min(0, binomialLower(count, all, chance));
}

/** The normal value of P(X ≤ count) for a Poisson variable. */
function poissonLower(count: number, mean: number): number {
  const middle = count + 0.5;
  const distance = count + 2 / 3 - mean + 0.02 / (count + 1);
  const deviance = 2 * (middle * Math.log(middle / mean) + mean - middle);
  return middle === mean
    ? distance / Math.sqrt(mean)
    : (distance / Math.abs(middle - mean)) * Math.sqrt(Math.max(0, deviance));
}

/** The normal value of P(X ≤ count) for a binomial variable. */
function binomialLower(count: number, all: number, p: number): number {
  const q = 1 - p;
  const [hits, misses] = [count + 0.5, all - count - 0.5];
  const distance =
    count +
    2 / 3 -
    (all + 1 / 3) * p +
    0.02 * (q / (count + 1) - p / Math.max(0.5, all - count) + (q - 0.5) / (all + 1));
  const bend = q * bendOf(hits / (all * p)) + p * bendOf(Math.max(1e-9, misses) / (all * q));
  return distance * Math.sqrt(Math.max(0, 1 + bend) / ((all + 1 / 6) * p * q));
}

function bendOf(x: number): number {
  if (Math.abs(1 - x) < 1e-6) return 0;
  return (1 - x * x + 2 * x * Math.log(x)) / (1 - x) ** 2;
}
