import { segmentPhrase, segmentQuery } from "../../../shared/text/segment-words.ts";
import { cutText } from "../../../shared/text/well-formed.ts";
import { STOP_WORDS } from "./stop-words.ts";
import { tokenize } from "./tokenize.ts";

/** Maximum length of a query, in characters; the rest is ignored. */
export const MAX_QUESTION_LENGTH = 1_000;
const MAX_TERMS = 32;
const MAX_PHRASES = 4;
/**
 * In a query with more words than this outside of quotes, the quotes are a title or citation and no
 * condition.
 */
const MAX_BESIDE_QUOTES = 5;
const QUOTED = /["“”„]([^"“”„]*)["“”„]/g;
/** Longer words are hashes or base64 and are not searched. */
const MAX_WORD_LENGTH = 64;

/** A search term. */
export interface Term {
  /** As typed, folded. */
  text: string;
  /** In the form of the index. For a prefix (`word*`), the text before the star. */
  stem: string;
  prefix: boolean;
  /** Number of occurrences in the query. */
  count: number;
  /** Expansion of a prefix, if it was looked up: whole words, or longer prefixes. */
  begun?: readonly Pick<Term, "text" | "prefix">[] | undefined;
}

/** A parsed query. */
export interface Question {
  /** Quoted phrases, which a passage must contain. */
  phrases: readonly (readonly string[])[];
  /** The other words, without stop words unless there are no others. */
  terms: readonly Term[];
}

/**
 * Parses a query. Removes stop words unless there are no other words; a passage must contain `"quoted
 * words"`, unless the quotes are part of a longer text; `word*` matches prefixes.
 */
export function readQuestion(question: string): Question {
  const text = cutText(question, MAX_QUESTION_LENGTH);
  const phrases: string[][] = [];
  const free = text.replace(QUOTED, (_quoted, inside: string) => {
    const words = segmentPhrase(inside).map((word) => cutText(word, MAX_WORD_LENGTH));
    if (words.length > 0 && phrases.length < MAX_PHRASES) phrases.push(words.slice(0, MAX_TERMS));
    return " ";
  });
  const outside = readWords(free).filter(isMeaningful);
  if (phrases.length === 0 || outside.length > MAX_BESIDE_QUOTES) {
    const all = readWords(text);
    const meaningful = all.filter(isMeaningful);
    return { phrases: [], terms: countWords(meaningful.length > 0 ? meaningful : all) };
  }
  return { phrases, terms: countWords(outside) };
}

function isMeaningful({ text }: Term): boolean {
  return !STOP_WORDS.has(text);
}

/** Distinct words with their number of occurrences, in order of first occurrence. */
function countWords(words: readonly Term[]): Term[] {
  const alike = Map.groupBy(words, ({ stem, prefix }) => `${stem}${prefix ? "*" : ""}`);
  return [...alike.values()]
    .flatMap(([word, ...others]) => (word === undefined ? [] : [{ ...word, count: others.length + 1 }]))
    .slice(0, MAX_TERMS);
}

/**
 * Builds an FTS5 MATCH expression over the given columns, or `null` for a query without words. Words are
 * joined with OR and ranked by BM25. Every term is a quoted string of letters and digits only, so no input
 * can form FTS5 syntax (https://www.sqlite.org/fts5.html#full_text_query_syntax).
 */
export function buildMatch({ phrases, terms }: Pick<Question, "phrases" | "terms">): string | null {
  const required = phrases.map(quote);
  const ranked = [...new Set([...required, ...terms.flatMap(spellOut)]), ...terms.flatMap(repeat)].join(
    " OR ",
  );
  if (ranked === "") return null;
  return required.length === 0 ? ranked : `${required.join(" AND ")} AND (${ranked})`;
}

/** BM25 of FTS5 counts a word as often as the expression names it. */
function repeat({ text, prefix, count }: Term): string[] {
  return count > 1 && !prefix ? [quote([text])] : [];
}

/**
 * Expands a prefix to full words. The index holds stems, and a stem may be shorter than the typed prefix:
 * `hibernat*` against `hibern`. With an ending, the tokenizer reduces the typed word to the same stem.
 */
function spellOut(term: Term): string[] {
  if (!term.prefix) return [quote([term.text])];
  const begun = term.begun ?? [term];
  const words = begun.map(({ text, prefix }) => (prefix ? `${quote([text])} *` : quote([text])));
  return [...words, quote([`${term.text}e`]), quote([`${term.text}ion`])];
}

/** The characters of a word, and the star that makes it a prefix. */
const TYPED = /([\p{L}\p{N}\p{Co}\p{M}\p{Default_Ignorable_Code_Point}]+)(\*?)/gu;

/**
 * The words of a text; pairs of letters for scripts without spaces, and a single letter there as a prefix.
 */
function readWords(text: string): Term[] {
  return Array.from(text.matchAll(TYPED)).flatMap(([, typed = "", star]) => {
    const words = segmentQuery(typed);
    return words.flatMap((word, index): Term[] => {
      const starred = star === "*" && index === words.length - 1 && typed.length > 1;
      return word.text.split(" ").map((unit, place, units) => {
        const cut = cutText(unit, MAX_WORD_LENGTH);
        const prefix = place === units.length - 1 && (starred || word.beginning);
        return { text: cut, stem: prefix ? cut : (tokenize(cut)[0] ?? cut), prefix, count: 1 };
      });
    });
  });
}

function quote(words: readonly string[]): string {
  return `"${words.join(" ")}"`;
}
