import { listTerms } from "../../../shared/text/list-terms.ts";
import type { Question, Term } from "../search/build-match.ts";
import { readTermStatistics } from "./term-statistics.ts";

/** Minimum length of a word: shorter words begin too many others. */
const SHORTEST = 4;
const MAX_WORDS = 6;

/**
 * Treats each word that no passage holds as a prefix, if indexed words begin with it: a compound is found by
 * its first part (Urlaubsantrag by Urlaub). Indexed words stay unchanged. Reads nothing where every word is
 * known.
 */
export async function spellCompounds(db: D1Database, question: Question): Promise<Question> {
  const { holding } = await readTermStatistics(
    db,
    question.terms.map(({ stem }) => stem),
  );
  const unknown = question.terms.filter((term) => isUnknown(term, holding)).slice(0, MAX_WORDS);
  if (unknown.length === 0) return question;
  const answers = await db.batch<{ term: string }>(
    unknown.map(({ text }) => listTerms(db, "passages_words", text, 1)),
  );
  const begins = new Set(unknown.filter((_, index) => (answers[index]?.results.length ?? 0) > 0));
  return {
    ...question,
    terms: question.terms.map((term) =>
      begins.has(term) ? { ...term, stem: term.text, prefix: true } : term,
    ),
  };
}

function isUnknown({ text, stem, prefix }: Term, holding: ReadonlyMap<string, number>): boolean {
  return !prefix && holding.get(stem) === 0 && text.length >= SHORTEST && /^\p{L}+$/u.test(text);
}
