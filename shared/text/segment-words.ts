import { foldText } from "./fold-text.ts";

/** Runs of word characters. */
const WORD = /[\p{L}\p{N}\p{Co}\p{M}]+/gu;
/** Scripts without spaces between words, and Hangul, which attaches particles to words. */
const UNSPACED =
  "\\p{scx=Han}\\p{scx=Hiragana}\\p{scx=Katakana}\\p{scx=Hangul}\\p{scx=Bopomofo}\\p{scx=Thai}\\p{scx=Lao}\\p{scx=Khmer}\\p{scx=Myanmar}";
const PIECE = new RegExp(`[${UNSPACED}]+|[^${UNSPACED}]+`, "gu");
const IS_UNSPACED = new RegExp(`^[${UNSPACED}]`, "u");
/** A combining mark. */
const MARK = /\p{M}/u;
const LETTER = /\P{M}\p{M}*|\p{M}+/gu;

/** A query word, as the indexes hold it. */
export interface QueryWord {
  /** The word, or letter pairs separated by spaces, which must be adjacent. */
  text: string;
  /** One letter of a script without spaces: it matches every pair that begins with it. */
  beginning: boolean;
}

/**
 * The words of a text in order, folded, as full-text indexes and searches use them. In a script without
 * spaces a word is each pair of neighbouring letters (客户可以 gives 客户, 户可, 可以) and the last letter by itself.
 * Pairs find every part of a text whatever the words around it, and are the same in every runtime; `npm run
 * bench -- languages` compares them with `Intl.Segmenter`.
 */
export function listWords(text: string): string[] {
  return listPieces(text).flatMap((piece) => (piece.unspaced ? pairLetters(piece.text) : [piece.text]));
}

/** The text for an index: {@link listWords}, joined with spaces. */
export function segmentText(text: string): string {
  return listWords(text).join(" ");
}

/** The words of a query in order: folded, and split where a script without spaces meets another one. */
export function segmentQuery(text: string): QueryWord[] {
  return listPieces(text).map((piece) => {
    if (!piece.unspaced) return { text: piece.text, beginning: false };
    const pairs = pairLetters(piece.text);
    // The last letter by itself is indexed only at the end of a run, so a query omits it.
    return { text: pairs.slice(0, Math.max(1, pairs.length - 1)).join(" "), beginning: pairs.length === 1 };
  });
}

/** Words that must be adjacent, as in a quoted phrase. */
export function segmentPhrase(text: string): string[] {
  const pieces = listPieces(text);
  return pieces.flatMap((piece, index) => {
    if (!piece.unspaced) return [piece.text];
    const pairs = pairLetters(piece.text);
    return index < pieces.length - 1 || pairs.length === 1 ? pairs : pairs.slice(0, -1);
  });
}

/** Whether all letters of a text belong to scripts without spaces. */
export function isUnspaced(text: string): boolean {
  const pieces = listPieces(text);
  return pieces.length > 0 && pieces.every(({ unspaced }) => unspaced);
}

function listPieces(text: string): { text: string; unspaced: boolean }[] {
  return Array.from(foldText(text).matchAll(WORD), ([word]) => word)
    .flatMap((word) => word.match(PIECE) ?? [])
    .map((piece) => ({ text: piece, unspaced: IS_UNSPACED.test(piece) }))
    .map(({ text: piece, unspaced }) => ({ text: unspaced ? piece : keepMarks(piece), unspaced }));
}

function pairLetters(run: string): string[] {
  // Most runs have no marks, and long texts many letters.
  const letters = MARK.test(run)
    ? Array.from(run.matchAll(LETTER), ([letter]) => keepMarks(letter))
    : Array.from(run);
  return letters.map((letter, index) => letter + (letters[index + 1] ?? ""));
}

/**
 * FTS5's `unicode61` splits words at marks (हिन्दी becomes ह, न and द). Marks of U+0700 to U+1FFF therefore
 * become private-use characters, U+E000 to U+F8FF, which it treats as letters. Only the indexes contain them.
 */
function keepMarks(word: string): string {
  if (!MARK.test(word)) return word;
  return word.replace(/\p{M}/gu, (mark) => {
    const point = mark.codePointAt(0) ?? 0;
    return point >= 0x700 && point <= 0x1fff ? String.fromCodePoint(0xe000 + point - 0x700) : mark;
  });
}
