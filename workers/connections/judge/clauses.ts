import type { Cursor } from "./cursor.ts";
import type { Output, Reference } from "./query.ts";
import { reject } from "./refuse.ts";
import { resolveQuery } from "./resolve.ts";
import type { Dialect } from "./scope.ts";
import type { JudgedStatement } from "./statement.ts";

/**
 * Reads one query up to the end of the statement, and resolves its names.
 *
 * @param count - how many parameters the statement takes, by the names of those that it has
 */
export function judgeToEnd(
  cursor: Cursor,
  dialect: Dialect,
  count: (names: readonly string[]) => number,
): JudgedStatement {
  const query = cursor.query();
  const isEnded = cursor.takeSymbol(";");
  if (cursor.peek().kind !== "end")
    throw isEnded ? reject("Only one statement is allowed.") : cursor.unexpected("The end of the statement");
  const resolved = resolveQuery(query, cursor.rules, dialect);
  return { parameters: count(cursor.parameters), ...resolved };
}

/** The highest number of numbered parameters. `example` shows how they are written: `{p1:…}, {p2:…}`. */
export function countNumbered(names: readonly string[], example: string): number {
  const numbers = new Set(names.map(Number));
  const highest = Math.max(0, ...numbers);
  if (numbers.size !== highest || numbers.has(0))
    throw reject(`Parameters are ${example} and so on, without a gap.`);
  return highest;
}

/** A member of the select list. `readAlias` reads what names it, if it comes next. */
export function readOutput(cursor: Cursor, readAlias: (cursor: Cursor) => string | null): Output {
  if (cursor.takeSymbol("*")) return { kind: "star", qualifier: [] };
  const qualifier = readStar(cursor);
  if (qualifier) return { kind: "star", qualifier };
  const start = cursor.position;
  const references = cursor.expression();
  const [only] = references;
  // A column alone keeps its name: a name of three has five tokens.
  const isColumn = only?.kind === "column" && cursor.position - start === only.path.length * 2 - 1;
  const name = readAlias(cursor) ?? (isColumn ? (only.path.at(-1) ?? null) : null);
  return { kind: "value", name, references };
}

/** `a.*` or `a.b.*`, if it comes next. */
function readStar(cursor: Cursor): string[] | null {
  const isPair = cursor.isSymbol(".", 1) && cursor.isSymbol("*", 2);
  const isTriple = cursor.isSymbol(".", 1) && cursor.isSymbol(".", 3) && cursor.isSymbol("*", 4);
  if (!cursor.isName() || !(isPair || isTriple)) return null;
  const names = cursor.path();
  cursor.expectSymbol(".");
  cursor.expectSymbol("*");
  return names;
}

/** A query in parentheses, or expressions. */
export function readParentheses(cursor: Cursor): Reference[] {
  if (!cursor.isQuery()) return cursor.within(() => cursor.expressions());
  return [{ kind: "query", query: cursor.within(() => cursor.query()) }];
}

/** The subquery of EXISTS, whose word comes next. */
export function readExists(cursor: Cursor): Reference[] {
  cursor.expectWord("EXISTS");
  if (!cursor.isQuery()) throw cursor.unexpected("A subquery");
  return readParentheses(cursor);
}

/** CASE, whose word comes next, up to END. */
export function readCase(cursor: Cursor): Reference[] {
  cursor.expectWord("CASE");
  const references = cursor.isWord("WHEN") ? [] : cursor.expression();
  if (!cursor.isWord("WHEN")) throw cursor.unexpected("WHEN");
  while (cursor.takeWord("WHEN")) {
    references.push(...cursor.expression());
    cursor.expectWord("THEN");
    references.push(...cursor.expression());
  }
  if (cursor.takeWord("ELSE")) references.push(...cursor.expression());
  cursor.expectWord("END");
  return references;
}

/** Columns under a new name: `AS name`, or the name alone. */
export function readColumnAlias(cursor: Cursor): string | null {
  return cursor.takeWord("AS") || cursor.isName() ? cursor.name() : null;
}

/** Names in parentheses, or none. */
export function readNames(cursor: Cursor): string[] {
  return cursor.isSymbol("(") ? cursor.within(() => cursor.list(() => cursor.name())) : [];
}

/** A count of rows: a plain number or a parameter. */
export function readCount(cursor: Cursor): void {
  const { kind } = cursor.peek();
  if (kind !== "parameter" && kind !== "number") throw cursor.unexpected("A number of rows");
  cursor.next();
}

/** Plain numbers in parentheses behind a type, if there are some. */
export function readTypeSize(cursor: Cursor): void {
  if (!cursor.isSymbol("(")) return;
  cursor.within(() =>
    cursor.list(() => {
      if (cursor.next().kind !== "number") throw reject("A type takes plain numbers.");
    }),
  );
}

/**
 * The argument at `index` of a call whose parenthesis comes next, without moving; `null` if it is anything but one
 * plain number.
 */
export function peekNumber(cursor: Cursor, index: number): number | null {
  let depth = 0;
  let commas = 0;
  for (let offset = 0; cursor.peek(offset).kind !== "end"; offset += 1) {
    const isOpening = cursor.isSymbol("(", offset) || cursor.isSymbol("[", offset);
    if (isOpening) depth += 1;
    if (cursor.isSymbol(")", offset) || cursor.isSymbol("]", offset)) depth -= 1;
    if (depth === 0) return null;
    const isComma = depth === 1 && cursor.isSymbol(",", offset);
    if (isComma) commas += 1;
    if (commas !== index || !(isComma || (isOpening && depth === 1))) continue;
    const { kind, text } = cursor.peek(offset + 1);
    const isWhole = cursor.isSymbol(",", offset + 2) || cursor.isSymbol(")", offset + 2);
    return kind === "number" && isWhole ? Number(text) : null;
  }
  return null;
}
