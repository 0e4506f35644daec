import { stemWord } from "./stem-word.ts";

/** What FTS5's `unicode61` tokenizer keeps: letters, digits and the marks on them. */
export const WORD = /[\p{L}\p{N}\p{Co}][\p{L}\p{N}\p{Co}\p{M}]*/gu;

/** Most words whose stems are kept in memory. */
const MAX_KNOWN = 50_000;
const known = new Map<string, string>();

/**
 * The stems of a text in its order, as the full-text index holds them: lower case, accents folded
 * (`remove_diacritics 2`), endings cut by Porter's rules.
 */
export function tokenize(text: string): string[] {
  const folded = text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  return Array.from(folded.matchAll(WORD), ([word]) => findStem(word));
}

/** Texts repeat their words, and cutting endings is the dear part of reading them. */
function findStem(word: string): string {
  const found = known.get(word);
  if (found !== undefined) return found;
  const stem = stemWord(word);
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(word, stem);
  return stem;
}
