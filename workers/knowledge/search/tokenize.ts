import { listWords } from "../../../shared/text/segment-words.ts";
import { stemWord } from "./stem-word.ts";

/** Most words whose stems are kept in memory. */
const MAX_KNOWN = 50_000;
const known = new Map<string, string>();

/**
 * The stems of a text in its order, as the full-text index holds them: words as {@link listWords} gives them, endings of
 * ASCII words cut by Porter's rules.
 */
export function tokenize(text: string): string[] {
  return listWords(text).map(findStem);
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
