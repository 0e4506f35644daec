import { STOP_WORDS } from "./stop-words.ts";

/** Longest question that is read, in characters; the rest is ignored. */
export const MAX_QUESTION_LENGTH = 1_000;
const MAX_TERMS = 32;
const MAX_PHRASES = 4;
/** Longer runs are hashes or base64; nothing is found by them. */
const MAX_WORD_LENGTH = 64;

/** What FTS5's `unicode61` tokenizer keeps: letters, digits and the marks on them. */
const WORD = /[\p{L}\p{N}\p{Co}][\p{L}\p{N}\p{Co}\p{M}]*/gu;

/**
 * Turns a person's question into an FTS5 MATCH expression, or `null` when it has no word to look for.
 *
 * - Words are joined with OR and left to BM25; stop words go, unless there is nothing else.
 * - `"words in quotes"` must occur as they stand; `word*` matches beginnings.
 *
 * Every term is a quoted string of letters and digits only, so no input can form FTS5 syntax
 * (https://www.sqlite.org/fts5.html#full_text_query_syntax).
 */
export function buildMatch(question: string): string | null {
  const text = question.slice(0, MAX_QUESTION_LENGTH);
  const required: string[] = [];
  const free = text.replace(/["“”„]([^"“”„]*)["“”„]/g, (_quoted, inside: string) => {
    const words = readWords(inside).map((word) => word.text);
    if (words.length > 0 && required.length < MAX_PHRASES) required.push(quote(words.slice(0, MAX_TERMS)));
    return " ";
  });
  const optional = readTerms(free, required.length === 0);
  const ranked = [...new Set([...required, ...optional])].join(" OR ");
  if (ranked === "") return null;
  return required.length === 0 ? ranked : `${required.join(" AND ")} AND (${ranked})`;
}

/**
 * The pairs of neighbouring words of a question as an FTS5 expression: `rate limit` is worth more where it stands
 * like that than where both words occur somewhere. Without a pair, an expression that matches nothing.
 */
export function buildPairs(question: string): string {
  const words = readWords(question.slice(0, MAX_QUESTION_LENGTH));
  const pairs = words.flatMap((word, index) => {
    const next = words[index + 1];
    if (!next || STOP_WORDS.has(word.text) || STOP_WORDS.has(next.text)) return [];
    return [quote([word.text, next.text])];
  });
  return [...new Set(pairs)].slice(0, MAX_TERMS).join(" OR ") || quote([]);
}

function readTerms(text: string, needsOne: boolean): string[] {
  const words = readWords(text);
  const meaningful = words.filter((word) => !STOP_WORDS.has(word.text));
  const kept = meaningful.length === 0 && needsOne ? words : meaningful;
  return [...new Set(kept.flatMap(termsOf))].slice(0, MAX_TERMS);
}

/**
 * The index holds stems, and a stem may be shorter than the beginning that was typed: `hibernat*` against
 * `hibern`. With an ending put on, the tokenizer cuts the typed word down to the same stem.
 */
function termsOf(word: Word): string[] {
  if (!word.prefix) return [quote([word.text])];
  return [`${quote([word.text])} *`, quote([`${word.text}e`]), quote([`${word.text}ion`])];
}

interface Word {
  text: string;
  prefix: boolean;
}

function readWords(text: string): Word[] {
  return [...text.matchAll(WORD)].map((match) => ({
    text: match[0].toLowerCase().slice(0, MAX_WORD_LENGTH),
    prefix: text.charAt(match.index + match[0].length) === "*" && match[0].length > 1,
  }));
}

function quote(words: readonly string[]): string {
  return `"${words.join(" ")}"`;
}
