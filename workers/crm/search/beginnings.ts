import { listTerms } from "../../../shared/text/list-terms.ts";
import { listLongBeginnings } from "./query.ts";

/** Words that the beginnings of a search are spelled out as, altogether. */
const SPELLED_OUT = 500;

/** The words that long beginnings stand for, by beginning. */
type Spelled = ReadonlyMap<string, readonly string[]>;

/**
 * The statements that look up what the long beginnings among these words stand for, and `read` for their answers, in the
 * same order. A beginning of no word is left out, and so is one of so many that asking for each would cost more.
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
