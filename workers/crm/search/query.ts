import { measureDistance } from "../../../shared/text/edit-distance.ts";
import { segmentQuery } from "../../../shared/text/segment-words.ts";
import { cutText } from "../../../shared/text/well-formed.ts";

/**
 * Converts a user's query to FTS5 match expressions, best matches first.
 *
 * Ranking is by tiers instead of a score: the hits of a tier come from the index sorted by creation, newest first.
 * A page therefore costs the same over a thousand rows and over a million, a cursor is a tier and a position in
 * it, and no row appears twice, because each tier excludes the rows of earlier ones.
 */

/**
 * One tier: an expression, its index, and the rows of the names' index that earlier tiers returned. Tiers of
 * one step run together; those of a later step run only if the page is not full by then. `begun` are the
 * words used as prefixes; {@link expandPrefixes} replaces them with existing words.
 */
export interface Tier {
  step: number;
  index: "names" | "all" | "phones";
  match: string;
  without?: string;
  /** For telephone numbers: expression that the rows must match in the index of all columns. */
  within?: string;
  begun?: readonly string[];
}

/** The indexed columns of a full-text table. */
export interface SearchColumns {
  /** The column whose hits rank first. */
  name: string;
  /** The other searchable columns. */
  rest: readonly string[];
}

/** Candidates for each word: the word itself, or its likely corrections. */
export type Words = readonly (readonly string[])[];

const MAX_WORDS = 8;
const MAX_WORD_LENGTH = 40;
const MAX_PAIRS = 20;

/** Endings of web domains that appear in so many addresses that a search for them reads most of the index. */
const ENDINGS =
  /(?<=@\S+)\.\p{L}{2,}(?=\s|$)|(?<=[\p{L}\p{N}])\.(?:com|org|net|edu|gov|io|co|ai|app|dev|eu|de|at|ch|uk|fr|it|es|nl|be|pl|se|dk|no|fi|us|ca|br|mx|jp|cn|in|au|nz|example)(?=\s|$)/giu;

/** An address or a web domain without its ending, as `ann@acme` and `acme`; other texts unchanged. */
export function stripTopLevelDomains(text: string): string {
  return text.replace(ENDINGS, "");
}

/**
 * Splits a text into at most 8 folded words, in the form of the indexes. A word of a script without spaces
 * becomes its pairs of letters, separated by spaces: they are searched as a phrase.
 */
export function splitWords(text: string): string[] {
  return segmentQuery(text)
    .slice(0, MAX_WORDS)
    .map(({ text: word }) => {
      const units = word.split(" ").slice(0, MAX_PAIRS);
      return units.map((unit) => cutText(unit, MAX_WORD_LENGTH)).join(" ");
    });
}

/** The rows that hold all words of a text, each as a beginning in any column. */
export function matchAllWords(text: string, columns: SearchColumns): string {
  const words = splitWords(text).map((word) => [word]);
  return `${anyColumn(columns)} : (${joinWords(words, "AND", "*")})`;
}

/** Tiers of rows that hold all words: as whole words of the name, as beginnings there, and the same anywhere. */
export function rankAllWords(words: Words, columns: SearchColumns): Tier[] {
  const whole = `${columns.name} : (${joinWords(words, "AND", "")})`;
  const begins = `${columns.name} : (${joinWords(words, "AND", "*")})`;
  const any = anyColumn(columns);
  const wholeAnywhere = `${any} : (${joinWords(words, "AND", "")})`;
  const anywhere = `${any} : (${joinWords(words, "AND", "*")})`;
  const begun = words.flat();
  // Long prefixes are looked up together with the first step; short ones need no step of their own.
  const step = listLongBeginnings(begun).length > 0 ? 1 : 0;
  const names: Tier[] = [
    { step: 0, index: "names", match: whole },
    { step, index: "names", match: `(${begins}) NOT (${whole})`, begun },
  ];
  if (columns.rest.length === 0) return names;
  // Names are not excluded by NOT: FTS5 would look up a word that no name contains once per row with it.
  const last = `(${anywhere}) NOT (${wholeAnywhere})`;
  return [
    ...names,
    { step: step + 1, index: "all", match: wholeAnywhere, without: begins, begun },
    { step: step + 2, index: "all", match: last, without: begins, begun },
  ];
}

/** Tiers of rows with all words but one, one tier per omitted word. */
export function rankSomeWords(words: Words, columns: SearchColumns): Tier[] {
  const expressions = words.map((_, left) => {
    const kept = words.filter((_, index) => index !== left);
    return `${anyColumn(columns)} : (${joinWords(kept, "AND", "*")})`;
  });
  return expressions.map((expression, tier) => {
    const before = expressions.slice(0, tier).map((earlier) => `(${earlier})`);
    const match = before.length === 0 ? expression : `(${expression}) NOT (${before.join(" OR ")})`;
    return { step: 0, index: "all", match, begun: words.flat() };
  });
}

/** Longest prefix that the full-text indexes store (`prefix` in migration 0002). */
const LONGEST_KEPT = 4;

/**
 * Words whose prefixes are cheaper to expand to the words in the index. FTS5 collects the rows of every word
 * with a prefix before it returns the first one, unless its index stores that prefix: for a word of every
 * address these are all rows. Omits phrases of pairs and words with marks that the tokenizer splits at.
 */
export function listLongBeginnings(words: readonly string[]): string[] {
  return [...new Set(words)].filter(
    (word) => Array.from(word).length > LONGEST_KEPT && !/[\p{M} ]/u.test(word),
  );
}

/**
 * Replaces prefixes with the words that have them: FTS5 returns their rows newest first, without collecting
 * them.
 */
export function expandPrefixes(tier: Tier, known: ReadonlyMap<string, readonly string[]>): Tier {
  const spell = (expression: string) =>
    [...known].reduce(
      (text, [word, terms]) => text.replaceAll(`${quote(word)}*`, `(${terms.map(quote).join(" OR ")})`),
      expression,
    );
  const { match, without } = tier;
  return { ...tier, match: spell(match), ...(without !== undefined && { without: spell(without) }) };
}

/** Narrows tiers to rows that carry every facet (an id without its prefix, or a region). */
export function narrowToFacets(tiers: readonly Tier[], facets: readonly string[]): Tier[] {
  if (facets.length === 0) return [...tiers];
  const filter = `facets : (${facets.map(quote).join(" AND ")})`;
  if (tiers.length === 0) return [{ step: 0, index: "all", match: filter }];
  const narrow = (expression: string) => `(${expression}) AND ${filter}`;
  return tiers.map(({ match, without, ...tier }) => ({
    ...tier,
    match: narrow(match),
    ...(without !== undefined && { without: narrow(without) }),
  }));
}

/** The facet of rows with this id; a region is its own facet. */
export function toFacet(value: string): string {
  return value.replace(/^[a-z]{3}_/, "");
}

/** Letters that can replace a mistyped letter of these scripts, in addition to the word's own letters. */
const LETTERS: readonly (readonly [script: RegExp, letters: string])[] = [
  [/\p{Script=Latin}|\d/u, "abcdefghijklmnopqrstuvwxyz0123456789"],
  [/\p{Script=Cyrillic}/u, "абвгдежзийклмнопрстуфхцчшщъыьэюя"],
  [/\p{Script=Greek}/u, "αβγδεζηθικλμνξοπρστυφχψως"],
];

/**
 * All words within one edit: a letter missing, added, changed, or two swapped. About 75 per letter, so that
 * the look-up costs the same over any number of rows.
 */
export function listEdits(word: string): string[] {
  const letters = Array.from(word);
  const own = LETTERS.filter(([script]) => script.test(word)).map(([, known]) => known);
  const alphabet = new Set([...own.join(""), ...letters]);
  const edits = new Set<string>();
  for (let at = 0; at <= letters.length; at++) {
    const [head, tail] = [letters.slice(0, at).join(""), letters.slice(at)];
    const [first = "", second = ""] = tail;
    const rest = tail.slice(1).join("");
    for (const letter of alphabet) {
      edits.add(`${head}${letter}${tail.join("")}`);
      if (first !== "") edits.add(`${head}${letter}${rest}`);
    }
    if (first !== "") edits.add(`${head}${rest}`);
    if (second !== "") edits.add(`${head}${second}${first}${tail.slice(2).join("")}`);
  }
  edits.delete(word);
  return [...edits];
}

/**
 * Existing words that a mistyped word may stand for: at most one edit (a letter missing, added, changed or
 * two swapped), or two in words of eight letters and more. At most 5, closest first.
 */
export function suggestSpellings(word: string, vocabulary: readonly string[]): string[] {
  const allowed = word.length >= 8 ? 2 : 1;
  return vocabulary
    .map((term) => ({ term, distance: measureDistance(word, term, allowed) }))
    .filter(({ distance }) => distance <= allowed)
    .sort((a, b) => a.distance - b.distance || (a.term < b.term ? -1 : 1))
    .slice(0, 5)
    .map(({ term }) => term);
}

function joinWords(words: Words, operator: "AND", suffix: "" | "*"): string {
  return words
    .map((spellings) => {
      const either = spellings.map((spelling) => `${quote(spelling)}${suffix}`).join(" OR ");
      return spellings.length > 1 ? `(${either})` : either;
    })
    .join(` ${operator} `);
}

function anyColumn(columns: SearchColumns): string {
  return `{${[columns.name, ...columns.rest].join(" ")}}`;
}

/**
 * Quotes a word, so that AND, OR, NOT and NEAR are not operators. Words hold only letters, digits and marks;
 * facets may hold more.
 */
function quote(word: string): string {
  return `"${word.replaceAll('"', "")}"`;
}
