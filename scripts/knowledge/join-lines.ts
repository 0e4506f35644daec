/** Words after which a part of a compound is separate: «Haupt- und Nebenkosten», «pre- and post-war». */
const CONJUNCTIONS = /^(?:und|oder|bzw|sowie|bis|and|or|to|et|ou|y|o|e|en|of|och|eller)(?![\p{L}\p{N}])/u;
/** First parts of English compounds that keep their hyphen. */
const FIRST_PARTS = new Set(
  `well self ill half high low long short cross full part all ever ex non semi quasi one two three four five
  six seven eight nine ten first second third single double real open state user time role cost hard`.split(
    /\s+/,
  ),
);

/** The words of a text that occur with and without hyphens, in lower case. */
export function listWords(lines: readonly string[]): ReadonlySet<string> {
  // The end of a line may be half a word.
  const words = lines.flatMap(
    (line) =>
      line
        .replace(/\S+$/, "")
        .toLowerCase()
        .match(/[\p{L}\p{N}][\p{L}\p{N}-]*/gu) ?? [],
  );
  return new Set(words);
}

/**
 * Joins a line that ends with a hyphen to the next. Removes the hyphen of a divided word; keeps one that
 * belongs to the word. The spelling elsewhere in the document decides first, then the word itself.
 * `undefined` for other lines.
 */
export function joinDivided(before: string, after: string, words: ReadonlySet<string>): string | undefined {
  if (/\p{L}\u00AD$/u.test(before)) return before.slice(0, -1) + after;
  const [, start] = /([\p{L}\p{N}][\p{L}\p{N}'’-]*)[-\u2010]$/u.exec(before) ?? [];
  const [end] = /^[\p{L}\p{N}][\p{L}\p{N}'’-]*/u.exec(after) ?? [];
  if (start === undefined || end === undefined) return undefined;
  if (CONJUNCTIONS.test(after)) return `${before} ${after}`;
  const whole = before.slice(0, -1) + after;
  const kept = before + after;
  // Numbers, names and existing compounds: «ORA-00942», «Müller-Lüdenscheid», «state-of-the-art».
  if (!/\p{Ll}$/u.test(start) || !/^\p{Ll}/u.test(end) || start.includes("-")) return kept;
  const hyphened = `${start}-${end}`.toLowerCase();
  const joined = `${start}${end}`.toLowerCase();
  if (words.has(joined) && !words.has(hyphened)) return whole;
  if (words.has(hyphened)) return kept;
  // Half a word is often short: «in-to» and «out-er» are no compounds.
  return FIRST_PARTS.has(start.toLowerCase()) && end.length >= 4 ? kept : whole;
}
