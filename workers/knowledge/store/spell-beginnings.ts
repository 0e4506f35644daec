import { listTerms } from "../../../shared/text/list-terms.ts";
import type { Question } from "../search/build-match.ts";
import { spellStem } from "../search/spell-stem.ts";

/** Maximum words that all prefixes of a query expand to. */
const SPELLED_OUT = 500;

/**
 * Replaces each prefix (`word*`) with the indexed words that begin with it. FTS5 collects the passages of all
 * words with a prefix before it returns the first one, and stems the prefix like a word (`dis*` becomes
 * `di*`); passages of whole words are read one by one. A prefix without words, with very many or with accents
 * stays a prefix.
 */
export async function expandPrefixes(db: D1Database, question: Question): Promise<Question> {
  const beginnings = question.terms.filter(({ prefix, text }) => prefix && isPlain(text));
  if (beginnings.length === 0) return question;
  const most = Math.floor(SPELLED_OUT / beginnings.length);
  const answers = await db.batch<{ term: string }>(
    beginnings.map(({ text }) => listTerms(db, "passages_words", text, most + 1)),
  );
  const begun = new Map(
    answers.flatMap(({ results }, index) => {
      const [term, { length }] = [beginnings[index], results];
      return term && length > 0 && length <= most ? [[term, results.map(readStem)] as const] : [];
    }),
  );
  return {
    ...question,
    terms: question.terms.map((term) => ({ ...term, begun: begun.get(term) })),
  };
}

/** Whether the index holds the letters unchanged: it folds some accents, and splits words at some marks. */
function isPlain(text: string): boolean {
  return text === text.normalize("NFKD") && /^[\p{L}\p{N}]+$/u.test(text);
}

/** A stem as a search term: a word with this stem, or else a prefix. */
function readStem({ term }: { term: string }): { text: string; prefix: boolean } {
  const word = spellStem(term);
  return { text: word ?? term, prefix: word === undefined };
}
