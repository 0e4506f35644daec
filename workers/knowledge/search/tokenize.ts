import { stemmer } from "stemmer";
import { listWords } from "../../../shared/text/segment-words.ts";

/** Maximum words whose stems are cached. */
const MAX_KNOWN = 50_000;
/** The words that FTS5's `porter` tokenizer stems. It leaves others as they are. */
const STEMMED = /^[a-z0-9]{3,64}$/;
const known = new Map<string, string>();

/**
 * The stems of a text in its order, in the form of the full-text index: words by {@link listWords}, endings
 * of ASCII words cut by Porter's rules.
 */
export function tokenize(text: string): string[] {
  return listWords(text).map(findStem);
}

/** Cached, because texts repeat their words, and stemming is the most expensive part of reading them. */
function findStem(word: string): string {
  const found = known.get(word);
  if (found !== undefined) return found;
  const stem = STEMMED.test(word) ? stemmer(word) : word;
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(word, stem);
  return stem;
}
