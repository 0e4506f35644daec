/** Lines before the header line of a file. */
export interface Preamble {
  /** The rest of the file, from its first non-empty line. */
  text: string;
  /** Number of empty lines above it, which count as rows. */
  emptyLines: number;
  /** The delimiter that a first line such as `sep=;` names. Spreadsheets do not count that line. */
  delimiter: string | undefined;
}

/** The byte order mark, also as windows-1252 decodes it. */
const BYTE_ORDER_MARK = /^(?:\uFEFF|ï»¿)+/;
/** The line that tells Excel the delimiter. */
const SEPARATOR_LINE = /^\s*"?sep=(\\t|[^\r\n"\p{L}\p{N}])"?[,;\t|]*[ \t]*(?:\r\n|\r|\n|$)/iu;

/** A line with delimiters only. */
const EMPTY_LINE = /[ \t,;|"]*(?:\r\n|\r|\n)/y;

/** Removes a byte order mark, a line that names the delimiter, and empty lines. */
export function readPreamble(text: string): Preamble {
  const plain = text.replace(BYTE_ORDER_MARK, "");
  const match = SEPARATOR_LINE.exec(plain.slice(0, 100));
  if (!match) return { ...skipEmptyLines(plain), delimiter: undefined };
  const delimiter = match[1] === "\\t" ? "\t" : match[1];
  return { ...skipEmptyLines(plain.slice(match[0].length).replace(BYTE_ORDER_MARK, "")), delimiter };
}

function skipEmptyLines(text: string): { text: string; emptyLines: number } {
  let emptyLines = 0;
  let start = 0;
  for (EMPTY_LINE.lastIndex = 0; EMPTY_LINE.test(text); start = EMPTY_LINE.lastIndex) emptyLines += 1;
  return { text: text.slice(start), emptyLines };
}

/**
 * Makes the names of columns unique: a later duplicate, in any letter case, gets a number, as «Email (2)»,
 * and an unnamed column is named by its position.
 */
export function nameColumns(cells: readonly string[]): string[] {
  const plain = cells.map((cell) => cell.replace(/\s+/g, " ").trim());
  const taken = new Set(plain.map((name) => name.toLowerCase()));
  const seen = new Set<string>();
  return plain.map((name, index) => {
    const base = name === "" ? `Column ${index + 1}` : name;
    let free = base;
    for (let count = 2; seen.has(free.toLowerCase()) || isOther(free, base, taken); count += 1) {
      free = `${base} (${count})`;
    }
    seen.add(free.toLowerCase());
    return free;
  });
}

/** Whether a generated name is the name of a column of the file. */
function isOther(name: string, base: string, taken: ReadonlySet<string>): boolean {
  return name !== base && taken.has(name.toLowerCase());
}
