/** A person's name in its two parts; `first_name` is empty for a name of one word. */
export interface NameParts {
  first_name: string;
  last_name: string;
}

/** Suffixes of a name. Suffixes that are also surnames, such as Ma, are left out. */
const SUFFIXES = new Set(
  `jr jnr sr snr ii iii iv phd mph md dds dvm mba msc bsc llm llb esq cpa cfa pmp obe mbe cbe rn mp`.split(
    /\s+/,
  ),
);
/** Particles that begin a surname when they are in lower case, as in «van der Berg». */
const PARTICLES = new Set(
  `van von vom der den de del della dello degli di da das do dos du des la las le les los lo ter ten te tot op
  zu zum zur und y e i af av bin ibn bint ben al el ul 't d' san santa st. mac`.split(/\s+/),
);
/** Particles that may also be capitalised, and that are rarely a given name. */
const CAPITAL_PARTICLES = new Set("van von vom de del della dello dos bin ibn".split(" "));
/** Scripts in which the family name comes first. */
const FAMILY_FIRST = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Hangul}々\s]+$/u;

/**
 * Splits a full name: «Mia Jensen», «Jensen, Mia», «Ludwig van Beethoven», «山田 太郎». Titles and suffixes keep
 * their position and are never taken for the surname; a single name is the last name. `undefined` when its
 * commas allow several readings.
 */
export function splitName(text: string): NameParts | undefined {
  const parts = text
    .split(/[,،、]/)
    .map((part) => part.replace(/\s+/g, " ").trim())
    .filter((part) => part !== "");
  const names = parts.filter((part) => !part.split(" ").every(isSuffix));
  const suffixes = parts.filter((part) => !names.includes(part));
  const [family = "", given, ...others] = names;
  if (others.length > 0) return undefined;
  if (given === undefined) return splitInOrder([family, ...suffixes].join(" ").trim());
  return { first_name: given, last_name: [family, ...suffixes].join(" ") };
}

/** A name without commas. */
function splitInOrder(text: string): NameParts {
  const words = text.split(" ");
  if (FAMILY_FIRST.test(text) && words.length === 2) {
    return { first_name: words[1] ?? "", last_name: words[0] ?? "" };
  }
  // Index of the first suffix; at least one word before it is the name.
  let end = words.length;
  while (end > 1 && isSuffix(words[end - 1])) end -= 1;
  let start = end - 1;
  while (start > 1 && isParticle(words[start - 1], words[start - 2])) {
    start -= 1;
    // «Ortega y Gasset» is one surname.
    if (/^[yei]$/.test(words[start] ?? "") && start > 1) start -= 1;
  }
  // «van Beethoven» has no given name, «Di Stefano» may have one.
  if (start === 1 && isSmallParticle(words[0])) start = 0;
  return { first_name: words.slice(0, start).join(" "), last_name: words.slice(start).join(" ") };
}

function isSuffix(word: string | undefined): boolean {
  return word !== undefined && SUFFIXES.has(plain(word));
}

function isParticle(word = "", before = ""): boolean {
  const small = word.toLowerCase();
  if (!PARTICLES.has(small)) return false;
  // «De La Cruz»: after a particle another one may be capitalised too.
  return word === small || CAPITAL_PARTICLES.has(small) || PARTICLES.has(before.toLowerCase());
}

function isSmallParticle(word = ""): boolean {
  return PARTICLES.has(word) && word.length > 1;
}

function plain(word: string): string {
  return word.toLowerCase().replaceAll(".", "");
}
