/** What a file says about itself before its header line. */
export interface Preamble {
  /** The rest of the file, from its first line that holds something. */
  text: string;
  /** Empty lines above it, which rows are counted with. */
  emptyLines: number;
  /** What stands between cells, where a first line such as `sep=;` says so. Spreadsheets do not count that line. */
  delimiter: string | undefined;
}

/** The byte order mark, also as it looks when it was read as windows-1252. */
const BYTE_ORDER_MARK = /^(?:\uFEFF|ï»¿)+/;
/** The line that tells Excel what stands between cells. */
const SEPARATOR_LINE = /^\s*"?sep=(\\t|[^\r\n"\p{L}\p{N}])"?[,;\t|]*[ \t]*(?:\r\n|\r|\n|$)/iu;

/** A line without anything between its separators. */
const EMPTY_LINE = /[ \t,;|"]*(?:\r\n|\r|\n)/y;

/** Takes off a byte order mark, a line that says what stands between cells, and empty lines. */
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
 * A name of its own for each column: a later one of the same name, in any case of letters, gets a number, as «Email (2)»,
 * and one without a name is called by its place.
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

/** Whether a made-up name is that of a column of the file. */
function isOther(name: string, base: string, taken: ReadonlySet<string>): boolean {
  return name !== base && taken.has(name.toLowerCase());
}
