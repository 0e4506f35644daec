import type { Question } from "../search/build-match.ts";
import { isEnglishStem } from "../search/known-word.ts";
import { spellStem } from "../search/spell-stem.ts";
import { measureDistance } from "../search/spelling-distance.ts";
import { readTermStatistics } from "./term-statistics.ts";

/** Shorter words have too many neighbours. */
const SHORTEST = 5;
/** Most people get a word's beginning right; looking at it alone bounds what is read. */
const BEGINNING = 3;
const MAX_WORDS = 4;
const MAX_NEIGHBOURS = 400;

/**
 * The question with each word that neither a passage nor a dictionary holds replaced by the nearest one that some do: one slip away, the one
 * that most passages hold. Words that have none so near stay; stems are
 * compared, so a slip that changes how the ending is cut is not seen. A word that is right and that no passage holds
 * stays: "dental" is not "denial". Reads nothing where every word is known.
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
    .filter(({ term }) => measureDistance(stem, term) === 1)
    .sort((a, b) => b.held - a.held || (a.term < b.term ? -1 : 1))[0]?.term;
}
