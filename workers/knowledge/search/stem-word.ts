/** Letters in Porter's definition: `y` is a vowel unless it begins the word or follows a vowel. */
const CONSONANTS = "[^aeiou][^aeiouy]*";
const VOWELS = "[aeiouy][aeiou]*";
/** Porter's measure m of a stem: its number of vowel-consonant sequences. */
const MEASURE_OVER_0 = new RegExp(`^(?:${CONSONANTS})?${VOWELS}${CONSONANTS}`);
const MEASURE_OF_1 = new RegExp(`^(?:${CONSONANTS})?${VOWELS}${CONSONANTS}(?:${VOWELS})?$`);
const MEASURE_OVER_1 = new RegExp(`^(?:${CONSONANTS})?${VOWELS}${CONSONANTS}${VOWELS}${CONSONANTS}`);
const HOLDS_VOWEL = new RegExp(`^(?:${CONSONANTS})?[aeiouy]`);
const ENDS_SHORT = new RegExp(`^${CONSONANTS}[aeiouy][^aeiouwxy]$`);
const DOUBLE_CONSONANT = /([^aeiouylsz])\1$/;

const STEP_2: Readonly<Record<string, string>> = {
  ational: "ate",
  tional: "tion",
  enci: "ence",
  anci: "ance",
  izer: "ize",
  bli: "ble",
  alli: "al",
  entli: "ent",
  eli: "e",
  ousli: "ous",
  ization: "ize",
  ation: "ate",
  ator: "ate",
  alism: "al",
  iveness: "ive",
  fulness: "ful",
  ousness: "ous",
  aliti: "al",
  iviti: "ive",
  biliti: "ble",
  logi: "log",
};
const STEP_3: Readonly<Record<string, string>> = {
  icate: "ic",
  ative: "",
  alize: "al",
  iciti: "ic",
  ical: "ic",
  ful: "",
  ness: "",
};
const ENDINGS_2 = endingOf(Object.keys(STEP_2));
const ENDINGS_3 = endingOf(Object.keys(STEP_3));
const ENDINGS_4 = endingOf(
  "al ance ence er ic able ible ant ement ment ent ou ism ate iti ous ive ize".split(" "),
);

/**
 * The stem of a lower-case word by the rules of FTS5's `porter` tokenizer: Porter (1980), "An algorithm for
 * suffix stripping", with the author's later endings `bli` and `logi`. Words of other scripts are returned
 * unchanged.
 */
export function stemWord(word: string): string {
  if (!/^[a-z0-9]{3,64}$/.test(word)) return word;
  const steps = [cutPlural, cutPast, turnFinalY, cutSecond, cutThird, cutFourth, cutFinal];
  return steps.reduce((stem, step) => step(stem), word);
}

function cutPlural(word: string): string {
  if (/(?:ss|i)es$/.test(word) && word.length > 3) return word.slice(0, -2);
  return /[^s]s$/.test(word) ? word.slice(0, -1) : word;
}

function cutPast(word: string): string {
  if (word.endsWith("eed")) return MEASURE_OVER_0.test(word.slice(0, -3)) ? word.slice(0, -1) : word;
  const stem = word.replace(/(?:ed|ing)$/, "");
  if (stem === word || !HOLDS_VOWEL.test(stem)) return word;
  if (/(?:at|bl|iz)$/.test(stem)) return `${stem}e`;
  if (DOUBLE_CONSONANT.test(stem)) return stem.slice(0, -1);
  return MEASURE_OF_1.test(stem) && ENDS_SHORT.test(stem) ? `${stem}e` : stem;
}

function turnFinalY(word: string): string {
  return word.endsWith("y") && HOLDS_VOWEL.test(word.slice(0, -1)) ? `${word.slice(0, -1)}i` : word;
}

function cutSecond(word: string): string {
  return replaceEnding(word, ENDINGS_2, STEP_2);
}

function cutThird(word: string): string {
  return replaceEnding(word, ENDINGS_3, STEP_3);
}

function cutFourth(word: string): string {
  const stem = word.replace(/([st])ion$/, "$1").replace(word.endsWith("ion") ? /$^/ : ENDINGS_4, "");
  return stem !== word && MEASURE_OVER_1.test(stem) ? stem : word;
}

function cutFinal(word: string): string {
  const stem = word.endsWith("e") ? word.slice(0, -1) : word;
  const bare = MEASURE_OVER_1.test(stem) || (MEASURE_OF_1.test(stem) && !ENDS_SHORT.test(stem)) ? stem : word;
  return bare.endsWith("ll") && MEASURE_OVER_1.test(bare) ? bare.slice(0, -1) : bare;
}

function replaceEnding(word: string, endings: RegExp, by: Readonly<Record<string, string>>): string {
  const ending = endings.exec(word)?.[0];
  if (ending === undefined) return word;
  const stem = word.slice(0, -ending.length);
  return MEASURE_OVER_0.test(stem) ? stem + by[ending] : word;
}

/** Matches the longest of the endings: a regular expression finds the leftmost match. */
function endingOf(endings: readonly string[]): RegExp {
  return new RegExp(`(?:${endings.join("|")})$`);
}
