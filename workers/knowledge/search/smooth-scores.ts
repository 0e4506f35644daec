import { type CountedPassage, isTelling, type Scores } from "./rank-passages.ts";
import { type RankingWeights, WEIGHTS } from "./ranking-weights.ts";

/** The weights of a passage's stems, normalised to length 1. */
type Direction = ReadonlyMap<string, number>;

/** The passages most like one, by their place among the candidates, nearest first. */
export type Neighbours = readonly (readonly [place: number, nearness: number])[];

/**
 * Passages that are alike are likely to answer the same question: each score becomes the weighted mean of its own and
 * those of its nearest neighbours among the candidates (score regularisation, Diaz 2005, "Regularizing ad hoc
 * retrieval scores", one step).
 */
export function smoothScores(
  passages: readonly CountedPassage[],
  scores: Scores,
  { neighbours }: RankingWeights = WEIGHTS,
  nearest: readonly Neighbours[] = findNeighbours(passages, neighbours.count),
): Scores {
  return new Map(
    passages.map(({ id }, place) => [
      id,
      hearNeighbours(scores.get(id) ?? 0, nearest[place] ?? [], passages, scores, neighbours),
    ]),
  );
}

/**
 * For each passage the `count` nearest ones. Nearness is the cosine of tf·idf weights, counted within the candidates
 * alone, so that nothing has to be stored or read for it.
 */
export function findNeighbours(passages: readonly CountedPassage[], count: number): Neighbours[] {
  const directions = findDirections(passages);
  const holders = new Map<string, [place: number, weight: number][]>();
  directions.forEach((direction, place) => {
    for (const [stem, weight] of direction) {
      const held = holders.get(stem);
      if (held === undefined) holders.set(stem, [[place, weight]]);
      else held.push([place, weight]);
    }
  });
  return directions.map((direction, place) => {
    const nearness = new Float64Array(passages.length);
    for (const [stem, weight] of direction) {
      for (const [other, held] of holders.get(stem) ?? [])
        nearness[other] = (nearness[other] ?? 0) + weight * held;
    }
    nearness[place] = 0;
    return Array.from(nearness, (near, other) => [other, near] as const)
      .filter(([, near]) => near > 0)
      .sort((a, b) => b[1] - a[1])
      .slice(0, count);
  });
}

/** Mixes a score with those of the nearest passages, weighted by similarity. Few neighbours count less. */
function hearNeighbours(
  own: number,
  nearest: Neighbours,
  passages: readonly CountedPassage[],
  scores: Scores,
  { count, share: most }: RankingWeights["neighbours"],
): number {
  let sum = 0;
  let weights = 0;
  for (const [place, nearness] of nearest) {
    sum += nearness * (scores.get(passages[place]?.id ?? 0) ?? 0);
    weights += nearness;
  }
  if (weights === 0) return own;
  const share = (most * nearest.length) / count;
  return (1 - share) * own + (share * sum) / weights;
}

function findDirections(passages: readonly CountedPassage[]): Direction[] {
  const holding = new Map<string, number>();
  for (const { counts } of passages) {
    for (const stem of counts.keys()) holding.set(stem, (holding.get(stem) ?? 0) + 1);
  }
  return passages.map(({ counts }) => {
    const weights = new Map<string, number>();
    let squares = 0;
    for (const [stem, count] of counts) {
      const held = holding.get(stem) ?? 0;
      // A stem of one passage alone makes it similar to no other.
      if (held < 2 || !isTelling(stem)) continue;
      const weight = (1 + Math.log(Math.max(1, count))) * Math.log(1 + passages.length / held);
      weights.set(stem, weight);
      squares += weight * weight;
    }
    const length = Math.sqrt(squares) || 1;
    return new Map([...weights].map(([stem, weight]) => [stem, weight / length]));
  });
}
