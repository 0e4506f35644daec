import type { Question } from "./build-match.ts";
import { type RankingWeights, WEIGHTS } from "./ranking-weights.ts";
import { STOP_WORDS } from "./stop-words.ts";
import { tokenize } from "./tokenize.ts";

/** A passage from the index, with its text. */
export interface Candidate {
  id: number;
  title: string;
  heading: string;
  body: string;
  tags: string;
}

/** Number of passages with each stem, and of all passages. Missing stems count as rare. */
export interface TermStatistics {
  passages: number;
  holding: ReadonlyMap<string, number>;
}

/** A candidate with its counts. */
export interface CountedPassage {
  id: number;
  /** Weighted occurrences by stem. */
  counts: ReadonlyMap<string, number>;
  /** Words of all fields. */
  length: number;
  /** Occurrences in the body alone, for the feedback step. */
  body: ReadonlyMap<string, number>;
}

type Field = keyof RankingWeights["fields"];

/** The stems of a passage in their order, by field. */
export interface PassageStems {
  id: number;
  fields: Readonly<Record<Field, readonly string[]>>;
}

/** Reads the words of a candidate: the dear part of ranking, and the same whatever the question. */
export function readPassage({ id, title, heading, body, tags }: Candidate): PassageStems {
  const [first, second, third, fourth] = [title, heading, body, tags].map(tokenize);
  return {
    id,
    fields: { title: first ?? [], heading: second ?? [], body: third ?? [], tags: fourth ?? [] },
  };
}

/** Counts what ranking asks for, once per passage. */
export function countPassage(
  passage: PassageStems,
  { fields }: Pick<RankingWeights, "fields"> = WEIGHTS,
): CountedPassage {
  const counts = new Map<string, number>();
  let body = new Map<string, number>();
  let length = 0;
  for (const [field, weight] of Object.entries(fields)) {
    const stems = passage.fields[field as Field];
    const here = new Map<string, number>();
    for (const stem of stems) here.set(stem, (here.get(stem) ?? 0) + 1);
    for (const [stem, count] of here) counts.set(stem, (counts.get(stem) ?? 0) + count * weight);
    if (field === "body") body = here;
    length += stems.length;
  }
  return { id: passage.id, counts, length, body };
}

/** Scores by passage id; higher is better. */
export type Scores = Map<number, number>;

/** BM25 of weighted stems over the candidates. Average length is that of the candidates. */
export function scorePassages(
  passages: readonly CountedPassage[],
  weights: ReadonlyMap<string, number>,
  statistics: TermStatistics,
  { k1, b }: RankingWeights = WEIGHTS,
): Scores {
  const average = passages.reduce((sum, passage) => sum + passage.length, 0) / Math.max(1, passages.length);
  const weighed = [...weights].map(([stem, weight]) => [stem, weight * weighStem(stem, statistics)] as const);
  return new Map(
    passages.map((passage) => {
      const norm = k1 * (1 - b + (b * passage.length) / average);
      const saturate = (count: number) => (count * (k1 + 1)) / (count + norm);
      let score = 0;
      for (const [stem, weight] of weighed) {
        const count = passage.counts.get(stem);
        if (count !== undefined) score += weight * saturate(count);
      }
      return [passage.id, score];
    }),
  );
}

/**
 * Every stem of the query with its damped number of occurrences; a prefix is weighted through all stems that
 * begin with it.
 */
export function weighQuestion(
  question: Question,
  passages: readonly CountedPassage[],
  { repetition }: RankingWeights = WEIGHTS,
): Map<string, number> {
  const weights = new Map<string, number>();
  for (const { stem, prefix, count } of question.terms) {
    weights.set(stem, count ** repetition);
    if (!prefix) continue;
    for (const { counts } of passages) {
      for (const other of counts.keys()) if (other.startsWith(stem)) weights.set(other, 1);
    }
  }
  for (const word of question.phrases.flat()) for (const stem of tokenize(word)) weights.set(stem, 1);
  return weights;
}

/**
 * Pseudo-relevance feedback: expands the query with words of its best passages, RM3 of Lavrenko and Croft
 * (2001) and Abdul-Jaleel et al. (2004), applied to the first ranking's own candidates (condensed lists, Diaz
 * 2015). The sum of the weights is unchanged, so that the scale of the scores is too.
 */
export function expandQuestion(
  weights: ReadonlyMap<string, number>,
  passages: readonly CountedPassage[],
  scores: Scores,
  { feedback }: RankingWeights = WEIGHTS,
): Map<string, number> {
  const best = [...passages]
    .sort((a, b) => (scores.get(b.id) ?? 0) - (scores.get(a.id) ?? 0) || a.id - b.id)
    .slice(0, feedback.passages);
  const top = scores.get(best[0]?.id ?? 0) ?? 0;
  const likelihoods = best.map(({ id }) =>
    Math.exp(((scores.get(id) ?? 0) - top) / (feedback.temperature * Math.max(top, Number.EPSILON))),
  );
  const model = new Map<string, number>();
  best.forEach(({ body }, index) => {
    const length = feedback.pseudoLength + [...body.values()].reduce((sum, count) => sum + count, 0);
    for (const [stem, count] of body) {
      if (!isTelling(stem)) continue;
      model.set(stem, (model.get(stem) ?? 0) + ((likelihoods[index] ?? 0) * count) / length);
    }
  });
  const kept = [...model].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, feedback.terms);
  const mass = kept.reduce((sum, [, share]) => sum + share, 0);
  const size = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  const expanded = new Map([...weights].map(([stem, weight]) => [stem, weight * feedback.questionShare]));
  for (const [stem, share] of kept) {
    const added = ((1 - feedback.questionShare) * size * share) / mass;
    expanded.set(stem, (expanded.get(stem) ?? 0) + added);
  }
  return expanded;
}

/** Whether a stem is informative: no stop word, no number, no single letter. */
export function isTelling(stem: string): boolean {
  return stem.length > 1 && !/^\d+$/.test(stem) && !STOP_WORDS.has(stem) && !STOP_STEMS.has(stem);
}

const STOP_STEMS: ReadonlySet<string> = new Set([...STOP_WORDS].flatMap(tokenize));

/**
 * Inverse document frequency that stays above 0 (Lucene's form), so that a tiny collection is ranked as well.
 */
export function weighStem(stem: string, { passages, holding }: TermStatistics): number {
  const held = Math.min(passages, holding.get(stem) ?? 1);
  return Math.log(1 + (passages - held + 0.5) / (held + 0.5));
}
