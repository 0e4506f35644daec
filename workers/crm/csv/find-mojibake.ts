/** Problem of a row with broken text. */
export const BROKEN_TEXT =
  "Letters of this cell were lost or read in the wrong encoding: save the file as UTF-8 and send it again.";

/** Characters of windows-1252 at 0x80 to 0x9F; a dot where it has none. */
const UPPER_HALF = "€.‚ƒ„…†‡ˆ‰Š‹Œ.Ž..‘’“”•–—˜™š›œ.žŸ";
/** A byte from 0x80 to 0xBF as windows-1252 and ISO 8859-1 show it. */
const CONTINUATION = `[\\u0080-\\u00BF${UPPER_HALF.replaceAll(".", "")}]`;

/**
 * UTF-8 text that was decoded as windows-1252 or ISO 8859-1: «MÃ¼ller», «Ð˜Ð²Ð°Ð½», «å±±ç”°», «itâ€™s». A
 * typographic mark after a capital may be genuine, as in «MANHÃ”», so that it counts only inside of a word.
 */
const AS_WINDOWS = new RegExp(
  [
    // A letter of Latin-1 or Latin Extended-A.
    "[\\u00C2-\\u00C5](?:[\\u0080-\\u00AA\\u00AC-\\u00BA\\u00BC-\\u00BF€‚ƒ„†‡ˆ‰Š‹ŒŽ˜™š›œžŸ]|[‘’“”•…»«](?=\\p{L}))",
    // A dash also stands between single letters, as in «A–Ä–Ö».
    "\\u00C3[–—](?=\\p{L})",
    // Two letters in a row of a script with two bytes per letter: Greek, Cyrillic, Hebrew, Arabic and others.
    `(?:[\\u00C6-\\u00DF]${CONTINUATION}){2}`,
    // Three bytes: dashes and quotes, or an Asian script.
    `[\\u00E0-\\u00EF]${CONTINUATION}{2}`,
    // Four bytes: emoji.
    `\\u00F0[\\u0090-\\u00BFŸ]${CONTINUATION}{2}`,
  ].join("|"),
  "u",
);

/** UTF-8 that was decoded as Mac Roman (`√º`) or as code page 437 or 850 (`├╝`). */
const AS_OTHERS =
  /√[^\p{ASCII}\s]|‚Ä[^\p{ASCII}\s]|\p{L}[\u2500-\u257F]|[\u2500-\u257F]\p{L}|[├┬][\u2500-\u259F\u00A0-\u00FF]/u;

/** A word of accented letters only, four or more: single-byte Cyrillic or Greek that was decoded as Latin. */
const WORDS_OF_ACCENTS = /(?<!\p{L})[\u00C0-\u00FF]{4,}(?!\p{L})/u;

/** Whether a text has lost letters (U+FFFD, C1 controls) or was decoded with the wrong encoding. */
export function isMojibake(text: string): boolean {
  // Most cells are plain ASCII.
  if (!/[^\p{ASCII}]/u.test(text)) return false;
  return (
    /[\uFFFD\u0080-\u009F]/.test(text) ||
    AS_WINDOWS.test(text) ||
    AS_OTHERS.test(text) ||
    WORDS_OF_ACCENTS.test(text)
  );
}
