import { segmentPhrase, segmentQuery } from "../../../shared/text/segment-words.ts";
import { STOP_WORDS } from "./stop-words.ts";
import { tokenize } from "./tokenize.ts";

/** Longest question that is read, in characters; the rest is ignored. */
export const MAX_QUESTION_LENGTH = 1_000;
const MAX_TERMS = 32;
const MAX_PHRASES = 4;
/** Quotes among more words than this are a title, an emphasis or a citation in somebody's prose, no condition. */
const MAX_BESIDE_QUOTES = 5;
const QUOTED = /["“”„]([^"“”„]*)["“”„]/g;
/** Longer runs are hashes or base64; nothing is found by them. */
const MAX_WORD_LENGTH = 64;

/** A word to look for. */
export interface Term {
  /** As typed, folded. */
  text: string;
  /** As the index holds it. Of a beginning (`word*`), what stands before the star. */
  stem: string;
  prefix: boolean;
  /** How often the question says it. */
  count: number;
  /** What a beginning stands for, where that was looked up: whole words, or longer beginnings. */
  begun?: readonly Pick<Term, "text" | "prefix">[] | undefined;
}

/** A person's question, taken apart. */
export interface Question {
  /** Words in quotes that must occur as they stand. */
  phrases: readonly (readonly string[])[];
  /** The other words, without stop words unless there is nothing else. */
  terms: readonly Term[];
}

/**
 * Reads a question. Stop words go, unless there is nothing else; `"words in quotes"` must occur as they stand, unless
 * the quotes are part of a longer text; `word*` matches beginnings.
 */
export function readQuestion(question: string): Question {
  const text = question.slice(0, MAX_QUESTION_LENGTH);
  const phrases: string[][] = [];
  const free = text.replace(QUOTED, (_quoted, inside: string) => {
    const words = segmentPhrase(inside).map((word) => word.slice(0, MAX_WORD_LENGTH));
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

/** Each word once, with how often it is said; in the order in which they come first. */
function countWords(words: readonly Term[]): Term[] {
  const alike = Map.groupBy(words, ({ stem, prefix }) => `${stem}${prefix ? "*" : ""}`);
  return [...alike.values()]
    .flatMap(([word, ...others]) => (word === undefined ? [] : [{ ...word, count: others.length + 1 }]))
    .slice(0, MAX_TERMS);
}

/**
 * Turns a question into an FTS5 MATCH expression over the given columns, or `null` when it has no word to look for.
 * Words are joined with OR and left to BM25. Every term is a quoted string of letters and digits only, so no input
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
 * The index holds stems, and a stem may be shorter than the beginning that was typed: `hibernat*` against
 * `hibern`. With an ending put on, the tokenizer cuts the typed word down to the same stem.
 */
function spellOut(term: Term): string[] {
  if (!term.prefix) return [quote([term.text])];
  const begun = term.begun ?? [term];
  const words = begun.map(({ text, prefix }) => (prefix ? `${quote([text])} *` : quote([text])));
  return [...words, quote([`${term.text}e`]), quote([`${term.text}ion`])];
}

/** What may stand in a word, and the star that makes it a beginning. */
const TYPED = /([\p{L}\p{N}\p{Co}\p{M}\p{Default_Ignorable_Code_Point}]+)(\*?)/gu;

/** The words of a text; pairs of letters where a script has no spaces, and a single letter there as a beginning. */
function readWords(text: string): Term[] {
  return Array.from(text.matchAll(TYPED)).flatMap(([, typed = "", star]) => {
    const words = segmentQuery(typed);
    return words.flatMap((word, index): Term[] => {
      const starred = star === "*" && index === words.length - 1 && typed.length > 1;
      return word.text.split(" ").map((unit, place, units) => {
        const cut = unit.slice(0, MAX_WORD_LENGTH);
        const prefix = place === units.length - 1 && (starred || word.beginning);
        return { text: cut, stem: prefix ? cut : (tokenize(cut)[0] ?? cut), prefix, count: 1 };
      });
    });
  });
}

function quote(words: readonly string[]): string {
  return `"${words.join(" ")}"`;
}
