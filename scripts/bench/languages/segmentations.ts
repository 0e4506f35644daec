import { foldText } from "../../../shared/text/fold-text.ts";
import { listWords, segmentQuery } from "../../../shared/text/segment-words.ts";

/** A way to split texts and queries into words: the words of an index, and the word sequences of a query. */
interface Segmentation {
  name: string;
  index(text: string): string[];
  query(text: string): { words: string[]; beginning: boolean }[];
}

const runs = (words: readonly string[]) => words.map((word) => ({ words: [word], beginning: false }));
const segmenters = new Map<string, Intl.Segmenter>();

function cut(text: string, language: string): string[] {
  const segmenter = segmenters.get(language) ?? new Intl.Segmenter(language, { granularity: "word" });
  segmenters.set(language, segmenter);
  return Array.from(segmenter.segment(foldText(text)))
    .filter(({ isWordLike }) => isWordLike)
    .map(({ segment }) => segment);
}

/**
 * Splits as FTS5's `unicode61 remove_diacritics 2` does: at every character that is no letter and no digit,
 * marks too.
 */
function cutAsFts(text: string): string[] {
  const plain = text
    .normalize("NFD")
    .replace(/(?<=[a-zA-Z])\p{M}+/gu, "")
    .normalize("NFC")
    .toLowerCase();
  return plain.match(/[\p{L}\p{N}\p{Co}]+/gu) ?? [];
}

/**
 * The compared segmentations: the product's, a dictionary's, and the tokenizer alone, as before the folding.
 */
export const SEGMENTATIONS: readonly Segmentation[] = [
  {
    name: "pairs of letters",
    index: listWords,
    query: (text) =>
      segmentQuery(text).map(({ text: word, beginning }) => ({ words: word.split(" "), beginning })),
  },
  { name: "Intl.Segmenter", index: (text) => cut(text, "en"), query: (text) => runs(cut(text, "en")) },
  { name: "unicode61 alone", index: cutAsFts, query: (text) => runs(cutAsFts(text)) },
];

/**
 * Whether a text matches a query: it contains any of the query's sequences, or a word that begins with its
 * last word.
 */
export function answers(segmentation: Segmentation, text: string, query: string): boolean {
  const held = segmentation.index(text);
  return segmentation.query(query).some(({ words }) =>
    held.some((_, at) => {
      const last = words.length - 1;
      return words.every((word, index) =>
        index === last ? held[at + index]?.startsWith(word) : held[at + index] === word,
      );
    }),
  );
}
