import type { Token } from "./tokens.ts";

/** Known sizes of the names in a query plan: tables, their aliases, and subqueries. */
export interface KnownSizes {
  /** Rows of stored tables by name and alias, lower case. */
  rows: Map<string, number>;
  /** Subqueries and common table expressions by name, lower case, with the shape of their result. */
  shapes: Map<string, "one_row" | "grouped">;
  /** Candidates for a name: `FROM totals AS t` gives t → totals. May hold too many, never too few. */
  aliases: Map<string, Set<string>>;
  /** Rows of the largest table in the statement: the assumed size of an unknown name. */
  largest: number;
  /** Maximum elements of the longest list passed to json_each or json_tree. */
  list: number;
}

/** Maximum elements of a list: D1 holds 2 MB per value, and an element needs two characters. */
const LONGEST_LIST = 1_000_000;

/**
 * Names allowed in the argument of json_each in addition to values, because they do not lengthen anything.
 */
const LIST_MAKERS = new Set(["json", "json_array", "null", "true", "false"]);

/** Aggregates that are never scalar functions: without GROUP BY they leave one row. */
const AGGREGATES = new Set(["count", "sum", "avg", "total"]);
const COMPOUNDS = new Set(["union", "except", "intersect"]);

/**
 * Reads names, aliases and the shapes of subqueries from the tokens; anything else stays unknown.
 *
 * @param longestBound - characters of the longest bound text
 */
export function readSizes(
  tokens: readonly Token[],
  tableRows: ReadonlyMap<string, number>,
  longestBound = 0,
): KnownSizes {
  const rows = new Map(tableRows);
  const shapes = new Map<string, "one_row" | "grouped">();
  const aliases = new Map<string, Set<string>>();
  let largest = 1;
  for (let index = 0; index < tokens.length; index++) {
    const name = nameAt(tokens, index);
    const alias = aliasAfter(tokens, index);
    if (name !== "" && alias !== "") aliases.set(alias, (aliases.get(alias) ?? new Set()).add(name));
    const size = tableRows.get(name);
    if (size !== undefined) {
      largest = Math.max(largest, size);
      rows.set(alias, Math.max(size, rows.get(alias) ?? 0));
    }
    if (tokens[index]?.text !== "(") continue;
    const end = findClosing(tokens, index);
    const shape = readShape(tokens.slice(index + 1, end));
    if (shape === undefined) continue;
    // Either `name AS (…)`, the common table expression, or `(…) name`, the subquery.
    const isNamedBefore = nameAt(tokens, index - 1) === "as";
    shapes.set(isNamedBefore ? nameAt(tokens, index - 2) : aliasAfter(tokens, end), shape);
  }
  return { rows, shapes, aliases, largest, list: findLongestList(tokens, longestBound) };
}

/**
 * Maximum list length by the text of its argument; the general maximum if the argument is computed or a
 * column.
 */
function findLongestList(tokens: readonly Token[], longestBound: number): number {
  const sizes = tokens.map((_, index) => {
    const name = nameAt(tokens, index);
    if (name !== "json_each" && name !== "json_tree") return 0;
    // A table without an argument: a condition on its hidden column supplies it.
    if (tokens[index + 1]?.text !== "(") return LONGEST_LIST;
    const argument = tokens.slice(index + 2, findClosing(tokens, index + 1));
    const characters = argument.map(({ kind, text }) => {
      if (kind === "parameter") return longestBound;
      const isValue = kind !== "word" || /^\d/.test(text) || LIST_MAKERS.has(text.toLowerCase());
      return kind === "quoted" || !isValue ? Number.POSITIVE_INFINITY : text.length;
    });
    return characters.reduce((sum, length) => sum + length, 0) / 2 + 1;
  });
  return Math.min(LONGEST_LIST, Math.ceil(Math.max(0, ...sizes)));
}

function readShape(body: readonly Token[]): "one_row" | "grouped" | undefined {
  let depth = 0;
  let aggregates = false;
  for (const [index, token] of body.entries()) {
    if (token.text === "(") depth++;
    if (token.text === ")") depth--;
    if (depth > 0 || token.kind !== "word") continue;
    const word = token.text.toLowerCase();
    if (COMPOUNDS.has(word)) return undefined;
    if (word === "group") return "grouped";
    if (AGGREGATES.has(word) && body[index + 1]?.text === "(") {
      const after = nameAt(body, findClosing(body, index + 1) + 1);
      aggregates ||= after !== "over" && after !== "filter";
    }
  }
  return aggregates ? "one_row" : undefined;
}

function findClosing(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let index = open; index < tokens.length; index++) {
    if (tokens[index]?.text === "(") depth++;
    if (tokens[index]?.text === ")" && --depth === 0) return index;
  }
  return tokens.length;
}

function aliasAfter(tokens: readonly Token[], index: number): string {
  const next = nameAt(tokens, index + 1);
  return next === "as" ? nameAt(tokens, index + 2) : next;
}

/** A token as a name, lower case and without quotes; SQLite accepts a string where only a name is valid. */
function nameAt(tokens: readonly Token[], index: number): string {
  const token = tokens[index];
  if (!token || token.kind === "symbol" || token.kind === "parameter") return "";
  return (token.kind === "word" ? token.text : token.text.slice(1, -1)).toLowerCase();
}
