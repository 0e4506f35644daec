import { cutText } from "./well-formed.ts";

/**
 * Characters that a person does not see and a model reads: control (without line feed and tab), format
 * (zero-width, bidirectional, soft hyphen, tags), private use, unassigned, variation selectors, separators of
 * lines and paragraphs.
 */
const HIDDEN =
  /(?![\n\t])(?:[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]|\p{Variation_Selector}|[\u3164\uFFA0]|\u115F|\u1160)/gu;

/**
 * Text of another system for people and models: without hidden characters and lone surrogates, in composed
 * form (NFC), at most `most` UTF-16 units, an ellipsis where it was cut.
 */
export function cleanText(text: string, most: number): string {
  const clean = text.toWellFormed().replaceAll("\uFFFD", "").replace(HIDDEN, "").normalize("NFC").trim();
  return clean.length <= most ? clean : `${cutText(clean, most - 1)}…`;
}

/** {@link cleanText} on one line. */
export function cleanLine(text: string, most: number): string {
  return cleanText(text.replace(/\s+/g, " "), most);
}

/**
 * How many hidden characters a text has, without those of ordinary writing: joiners inside of words and emoji
 * sequences, the emoji selector, a byte order mark at the beginning.
 */
export function countHidden(text: string): number {
  const usual = text
    .replace(/^\uFEFF/, "")
    .replace(/(?<=\p{L}\p{M}*)[\u200C\u200D](?=\p{L})/gu, "")
    .replace(/(?<=\p{Extended_Pictographic}|\p{Emoji_Modifier}|\uFE0F)(?:\u200D|\uFE0F)+/gu, "")
    .replace(/(?<=[\d#*\p{S}\p{So}])\uFE0F/gu, "")
    .replace(/\r\n?/g, "\n")
    .replaceAll("\u00AD", "");
  return usual.match(HIDDEN)?.length ?? 0;
}
