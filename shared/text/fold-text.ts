/**
 * Letters that Unicode neither decomposes nor maps to another case, with their usual replacements. Most pairs
 * come from Lucene's ASCIIFoldingFilter, ArabicNormalizer and PersianNormalizer.
 */
const LETTERS: Readonly<Record<string, string>> = {
  ...{ ß: "ss", æ: "ae", œ: "oe", þ: "th", ð: "d", đ: "d", ɖ: "d", ɗ: "d", ø: "o", ɔ: "o", ł: "l", ƚ: "l" },
  ...{
    ı: "i",
    ɨ: "i",
    ȷ: "j",
    ħ: "h",
    ŧ: "t",
    ŋ: "n",
    ɲ: "n",
    ƞ: "n",
    ĸ: "q",
    ɓ: "b",
    ƀ: "b",
    ƙ: "k",
    ƴ: "y",
  },
  ...{ ƒ: "f", ɛ: "e", ǝ: "e", ə: "a", ʉ: "u", ɣ: "g", ǥ: "g", ƈ: "c", ƥ: "p", ƭ: "t", ʋ: "v", ƶ: "z" },
  // Apostrophes that Unicode classifies as letters, and the Arabic elongation character.
  ...{ ʻ: "", ʼ: "", ʽ: "", ʹ: "", ʺ: "", ʾ: "", ʿ: "", ꞌ: "", ـ: "" },
  ...{ ς: "σ", ѐ: "е" },
  ...{ ة: "ه", ۃ: "ه", ہ: "ه", ھ: "ه", ە: "ه", ى: "ي", ی: "ي", ے: "ي", ٱ: "ا", ک: "ك", ڪ: "ك" },
  // Spelling variants of Japanese family names that compatibility forms do not merge.
  ...{ 髙: "高", 﨑: "崎", 𠮷: "吉" },
};
const LETTER = new RegExp(`[${Object.keys(LETTERS).join("")}]`, "gu");

/**
 * Marks that a writer may omit: accents, Hebrew points, Arabic vowels, the dot below of Indic letters. Vowel
 * signs of Indic and Thai letters and the voicing of kana are kept. The lookbehind exempts marks that make
 * another Cyrillic letter: й, ў, ї, ѓ and ќ.
 */
const MARKS = new RegExp(
  [
    "(?<![иу])\\u0306|(?<!і)\\u0308|(?<![гк])\\u0301|[\\u0300\\u0302-\\u0305\\u0307\\u0309-\\u036f]",
    "[\\u0483-\\u0489]|[\\u0591-\\u05bd\\u05bf\\u05c1\\u05c2\\u05c4\\u05c5\\u05c7]",
    "[\\u0610-\\u061a\\u064b-\\u065f\\u0670\\u06d6-\\u06dc\\u06df-\\u06e4\\u06e7\\u06e8\\u06ea-\\u06ed]",
    "[\\u093c\\u09bc\\u0a3c\\u0abc\\u0b3c\\u0cbc]",
    "[\\u1ab0-\\u1aff\\u1dc0-\\u1dff\\u20d0-\\u20ff\\u302a-\\u302f\\ufe20-\\ufe2f]",
  ].join("|"),
  "gu",
);

/** Signs whose compatibility forms would become letters of the preceding word. */
const SIGNS = /[™℠®©℗]/gu;
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu;
const ASCII = /^[\0-\x7f]*$/;

/**
 * Folds a text for comparison and search: one form for all its spellings. Full-width letters, ligatures and
 * presentation forms become plain (Unicode NFKC); case (final sigma and ß included), accents and other
 * optional marks are removed; katakana becomes hiragana; digits of every script become ASCII. White space and
 * punctuation stay. Idempotent. The result is never shown: text is stored and returned as written.
 */
export function foldText(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  return text
    .replace(SIGNS, " ")
    .normalize("NFKC")
    .toLowerCase()
    .normalize("NFKD")
    .replace(INVISIBLE, "")
    .replace(MARKS, "")
    .replace(LETTER, (letter) => LETTERS[letter] ?? letter)
    .replace(/[\u30a1-\u30f6\u30fd\u30fe]/g, (kana) => String.fromCharCode(kana.charCodeAt(0) - 0x60))
    .replace(/(?![0-9])\p{Nd}/gu, readDigit)
    .normalize("NFC");
}

const DIGIT = /\p{Nd}/u;

/** Unicode's decimal digits are in rows of ten, starting at zero. */
function readDigit(digit: string): string {
  const point = digit.codePointAt(0) ?? 0;
  let value = 0;
  while (value < 9 && DIGIT.test(String.fromCodePoint(point - value - 1))) value++;
  return String(value);
}
