import { listTerms } from "../../../shared/text/list-terms.ts";
import { listLongBeginnings } from "./query.ts";

/** Maximum words that all prefixes of a search expand to. */
const SPELLED_OUT = 500;

/** Words with a long prefix, by prefix. */
type Spelled = ReadonlyMap<string, readonly string[]>;

/**
 * Statements that look up the words with the long prefixes among these words, and `read` for their results,
 * in the same order. Omits a prefix without words, and one with so many that a query for each would cost
 * more.
 */
export function listBeginnings(
  db: D1Database,
  table: string,
  words: readonly string[],
): { statements: D1PreparedStatement[]; read(answers: readonly D1Result[]): Spelled } {
  const long = listLongBeginnings(words);
  const most = Math.floor(SPELLED_OUT / Math.max(1, long.length));
  return {
    statements: long.map((word) => listTerms(db, `${table}_terms`, word, most + 1)),
    read(answers) {
      const lists = answers.map(({ results }) => (results as { term: string }[]).map(({ term }) => term));
      const spelled = long.map((word, index) => [word, lists[index] ?? []] as const);
      return new Map(spelled.filter(([, { length }]) => length > 0 && length <= most));
    },
  };
}
