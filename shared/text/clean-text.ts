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
