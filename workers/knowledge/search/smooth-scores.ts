import { type CountedPassage, isTelling, type Scores } from "./rank-passages.ts";
import { type RankingWeights, WEIGHTS } from "./ranking-weights.ts";

/** The weights of a passage's stems, normalised to length 1. */
type Direction = ReadonlyMap<string, number>;

/**
 * Smooths scores over similar passages, which are likely to answer the same query: each score becomes the
 * weighted mean of its own and those of its nearest neighbours among the candidates (score regularisation,
 * Diaz 2005, "Regularizing ad hoc retrieval scores", one step). Similarity is the cosine of tf·idf weights
 * within the candidates alone, so that nothing is stored or read for it.
 */
export function smoothScores(
  passages: readonly CountedPassage[],
  scores: Scores,
  { neighbours }: RankingWeights = WEIGHTS,
): Scores {
  const directions = findDirections(passages);
  const holders = new Map<string, [passage: number, weight: number][]>();
  directions.forEach((direction, index) => {
    for (const [stem, weight] of direction) {
      const held = holders.get(stem);
      if (held === undefined) holders.set(stem, [[index, weight]]);
      else held.push([index, weight]);
    }
  });
  return new Map(
    passages.map(({ id }, index) => {
      const nearness = new Float64Array(passages.length);
      for (const [stem, weight] of directions[index] ?? []) {
        for (const [other, held] of holders.get(stem) ?? [])
          nearness[other] = (nearness[other] ?? 0) + weight * held;
      }
      nearness[index] = 0;
      return [id, hearNeighbours(scores.get(id) ?? 0, nearness, passages, scores, neighbours)];
    }),
  );
}

/** Mixes a score with those of the nearest passages, weighted by similarity. Few neighbours count less. */
function hearNeighbours(
  own: number,
  nearness: Float64Array,
  passages: readonly CountedPassage[],
  scores: Scores,
  { count, share: most }: RankingWeights["neighbours"],
): number {
  const nearest = [...nearness.keys()]
    .filter((index) => (nearness[index] ?? 0) > 0)
    .sort((a, b) => (nearness[b] ?? 0) - (nearness[a] ?? 0))
    .slice(0, count);
  let sum = 0;
  let weights = 0;
  for (const index of nearest) {
    const weight = nearness[index] ?? 0;
    sum += weight * (scores.get(passages[index]?.id ?? 0) ?? 0);
    weights += weight;
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
