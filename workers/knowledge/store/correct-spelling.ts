import { measureDistance } from "../../../shared/text/edit-distance.ts";
import type { Question } from "../search/build-match.ts";
import { isEnglishStem } from "../search/known-word.ts";
import { spellStem } from "../search/spell-stem.ts";
import { readTermStatistics } from "./term-statistics.ts";

/** Minimum length of a word to correct: shorter words have too many neighbours. */
const SHORTEST = 5;
/**
 * Length of the prefix that a correction must share: people seldom mistype it, and it limits the rows read.
 */
const BEGINNING = 3;
const MAX_WORDS = 4;
const MAX_NEIGHBOURS = 400;

/**
 * Replaces each word of a query that neither a passage nor a dictionary holds with the nearest indexed word:
 * one edit away, the one in most passages. Words without such a neighbour stay. Compares stems, so an edit
 * that changes the stemming is not detected. A correct word that no passage holds stays: "dental" is not
 * "denial". Reads nothing where every word is known.
 */
export async function correctSpelling(db: D1Database, question: Question): Promise<Question> {
  const { holding } = await readTermStatistics(
    db,
    question.terms.map(({ stem }) => stem),
  );
  const unknown = question.terms
    .filter(({ stem, prefix }) => !prefix && holding.get(stem) === 0 && /^\p{L}+$/u.test(stem))
    .map(({ stem }) => stem)
    .filter((stem) => stem.length >= SHORTEST && !isEnglishStem(stem))
    .slice(0, MAX_WORDS);
  if (unknown.length === 0) return question;
  const found = await Promise.all(unknown.map((stem) => findNeighbour(db, stem)));
  const corrected = new Map(unknown.flatMap((stem, index) => (found[index] ? [[stem, found[index]]] : [])));
  const correct = (stem: string) => corrected.get(stem) ?? stem;
  return {
    ...question,
    terms: question.terms.map((term) =>
      corrected.has(term.stem)
        ? { ...term, text: spellStem(correct(term.stem)) ?? correct(term.stem), stem: correct(term.stem) }
        : term,
    ),
  };
}

async function findNeighbour(db: D1Database, stem: string): Promise<string | undefined> {
  const start = stem.slice(0, BEGINNING);
  const { results } = await db
    .prepare(
      `SELECT term, doc AS held FROM passages_terms
      WHERE term >= ?1 AND term < ?2 AND length(term) BETWEEN ?3 AND ?4 LIMIT ?5`,
    )
    .bind(start, `${start}\u{10ffff}`, stem.length - 1, stem.length + 1, MAX_NEIGHBOURS)
    .all<{ term: string; held: number }>();
  return results
    .filter(({ term }) => measureDistance(stem, term, 1) === 1)
    .sort((a, b) => b.held - a.held || (a.term < b.term ? -1 : 1))[0]?.term;
}
