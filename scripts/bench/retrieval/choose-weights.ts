import { type RankingWeights, WEIGHTS } from "../../../workers/knowledge/search/ranking-weights.ts";
import type { PreparedCollection } from "./prepared-collection.ts";

/** One number of the weights, and the values that are tried: the first one leaves its step out, or is the usual one. */
interface Coordinate {
  title: string;
  values: readonly number[];
  set(weights: RankingWeights, value: number): RankingWeights;
}

/** A step of the ranking that can be left out. */
export interface Step {
  title: string;
  leaveOut(weights: RankingWeights): RankingWeights;
}

const setRepetition = (weights: RankingWeights, repetition: number) => ({ ...weights, repetition });
const setFeedback = (weights: RankingWeights, change: Partial<RankingWeights["feedback"]>) => ({
  ...weights,
  feedback: { ...weights.feedback, ...change },
});
const setNeighbours = (weights: RankingWeights, change: Partial<RankingWeights["neighbours"]>) => ({
  ...weights,
  neighbours: { ...weights.neighbours, ...change },
});

/**
 * In the order in which they are chosen: first what ranks by itself, then what is built on it. The others stay as they
 * are: what a field counts, and how many passages, words and neighbours a step reads is set by its cost.
 */
const COORDINATES: readonly Coordinate[] = [
  { title: "k1", values: [1.2, 0.9, 1.6], set: (weights, k1) => ({ ...weights, k1 }) },
  { title: "b", values: [0.75, 0.6, 0.9], set: (weights, b) => ({ ...weights, b }) },
  { title: "repetition", values: [0, 0.5, 1], set: setRepetition },
  {
    title: "question's share",
    values: [1, 0.8, 0.7, 0.6],
    set: (weights, questionShare) => setFeedback(weights, { questionShare }),
  },
  {
    title: "pseudo-length",
    values: [0, 100, 200],
    set: (weights, pseudoLength) => setFeedback(weights, { pseudoLength }),
  },
  {
    title: "similar passages",
    values: [0, 0.2, 0.3, 0.4, 0.5],
    set: (weights, share) => setNeighbours(weights, { share }),
  },
];

/** Each step that is chosen, and the weights without it. */
export const STEPS: readonly Step[] = [
  { title: "repeated words", leaveOut: (weights) => setRepetition(weights, 0) },
  { title: "feedback", leaveOut: (weights) => setFeedback(weights, { questionShare: 1 }) },
  { title: "pseudo-length", leaveOut: (weights) => setFeedback(weights, { pseudoLength: 0 }) },
  { title: "similar passages", leaveOut: (weights) => setNeighbours(weights, { share: 0 }) },
];

/** A value is changed for a gain of at least this much in {@link worthOf}: less is chance. */
const LEAST_GAIN = 0.002;
const ROUNDS = 2;

/** The weights that are best on some collections: one number after the other, twice, from a ranking without any step. */
export async function chooseWeights(
  collections: readonly PreparedCollection[],
  report: (text: string) => void,
): Promise<RankingWeights> {
  let best = COORDINATES.reduce((weights, { set, values }) => set(weights, values[0] ?? 0), WEIGHTS);
  let worth = await worthOf(collections, best);
  for (let round = 1; round <= ROUNDS; round++) {
    const before = best;
    for (const { title, values, set } of COORDINATES) {
      const from = best;
      for (const value of values) {
        const tried = set(from, value);
        const its = await worthOf(collections, tried);
        if (its < worth + LEAST_GAIN) continue;
        best = tried;
        worth = its;
      }
      report(`round ${round}, ${title}: ${worth.toFixed(4)}`);
    }
    if (best === before) break;
  }
  return best;
}

/** The mean over the collections of both figures' ratios to plain BM25. */
export async function worthOf(
  collections: readonly PreparedCollection[],
  weights: RankingWeights,
): Promise<number> {
  let sum = 0;
  for (const collection of collections) {
    const { ndcg, recall } = await collection.measure(weights);
    sum += (ndcg / collection.plain.ndcg + recall / collection.plain.recall) / 2;
  }
  return sum / collections.length;
}
