import { foldText } from "../../../shared/text/fold-text.ts";
import { isUnspaced, segmentText } from "../../../shared/text/segment-words.ts";

const PLAIN = /^[ -~–—‘’“”…]*$/;

/** Whether SQL folds a text the same as {@link foldText}: ASCII, and punctuation. */
export function isFoldedBySql(...texts: (string | null)[]): boolean {
  return texts.every((text) => text === null || PLAIN.test(text));
}

/**
 * Key that pairs people of one company before their first names are compared: the first letter and the last
 * name.
 */
export function keyOfName(first: string, last: string): string {
  const [initial = ""] = first;
  return `${foldText(initial)}|${foldText(last)}`;
}

/**
 * A name in the form of the indexes, also without punctuation inside of words: O’Brien is found as "obrien".
 */
export function segmentName(name: string): string {
  const joined = name.replace(/['’ʼ‐‑-]/gu, "");
  return joined === name ? segmentText(name) : `${segmentText(name)} ${segmentText(joined)}`;
}

/**
 * The same for a person; for names written without a space, also family name first: 太郎 山田 is found as 山田太郎.
 */
export function segmentPerson(first: string, last: string): string {
  const glued = isUnspaced(first) && isUnspaced(last) ? ` ${segmentText(last + first)}` : "";
  return segmentName(`${first} ${last}`) + glued;
}
