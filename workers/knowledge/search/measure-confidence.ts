import type { Question } from "./build-match.ts";
import { type CountedPassage, type TermStatistics, weighStem } from "./rank-passages.ts";
import { tokenize } from "./tokenize.ts";

/**
 * The share of the question's words at which confidence is 0.5, and how fast it turns there. `even` is the highest
 * hundredth that leaves no right answer of one half of scripts/bench/documentation/hard-questions.tsv below 0.5;
 * `npm run bench -- knowledge` prints that half and the one that was not looked at. `steepness` is a choice.
 */
const WORDS = { even: 0.31, steepness: 14 };
/** The same for the cosine of the nearest passage by bge-m3: a guess after its authors' examples, which needs an account to be measured. */
const MEANING = { even: 0.55, steepness: 20 };

/**
 * The share of a query that a passage covers, from 0 to 1: words weighted by rarity. A word that no passage
 * holds has the highest weight, because an answer is unlikely without it.
 */
export function measureCoverage(
  { terms, phrases }: Question,
  passage: Pick<CountedPassage, "counts">,
  statistics: TermStatistics,
): number {
  const asked = [
    ...terms,
    ...phrases.flat().flatMap((word) => tokenize(word).map((stem) => ({ stem, prefix: false }))),
  ];
  let all = 0;
  let said = 0;
  for (const { stem, prefix } of asked) {
    const weight = weighStem(stem, statistics);
    all += weight;
    const held = prefix
      ? [...passage.counts.keys()].some((other) => other.startsWith(stem))
      : passage.counts.has(stem);
    if (held) said += weight;
  }
  return all === 0 ? 0 : said / all;
}

/** How sure it is that the first results answer the question, from 0 to 1, in hundredths: a score, not a probability. */
export function estimateConfidence(found: { coverage: number; similarity?: number | undefined }): number {
  const words = found.coverage === 0 ? 0 : rise(found.coverage, WORDS);
  const meaning = found.similarity === undefined ? 0 : rise(found.similarity, MEANING);
  return Math.round(Math.max(words, meaning) * 100) / 100;
}

function rise(value: number, { even, steepness }: { even: number; steepness: number }): number {
  return 1 / (1 + Math.exp(-steepness * (value - even)));
}
