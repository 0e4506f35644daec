import { listTerms } from "../../../shared/text/list-terms.ts";
import type { Question } from "../search/build-match.ts";
import { spellStem } from "../search/spell-stem.ts";

/** Words that the beginnings of a question are spelled out as, altogether. */
const SPELLED_OUT = 500;

/**
 * The question with each beginning (`word*`) spelled out as the words that the index holds. FTS5 gathers the passages of all
 * words that begin so before it gives the first one, and cuts the beginning like a word (`dis*` becomes `di*`); passages of
 * words that are named are met one by one. A beginning of no word, of very many or with accents stays one.
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

/** Letters and digits that the index holds as they are: of accents it folds some, and at some marks it splits words. */
function isPlain(text: string): boolean {
  return text === text.normalize("NFKD") && /^[\p{L}\p{N}]+$/u.test(text);
}

/** A stem as it is asked for: by a word that is cut down to it, or else as a beginning of its own. */
function readStem({ term }: { term: string }): { text: string; prefix: boolean } {
  const word = spellStem(term);
  return { text: word ?? term, prefix: word === undefined };
}
