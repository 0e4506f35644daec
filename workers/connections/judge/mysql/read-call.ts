import type { Reference } from "../query.ts";
import { forbid, forbidFunction, quote, reject } from "../refuse.ts";
import type { Cursor } from "./cursor.ts";
import { FUNCTIONS } from "./functions.ts";
import { readCharacterSet, readExpressions, readOrder, readUnit, readWindow } from "./read-clauses.ts";
import { TYPES } from "./words.ts";

/** Functions that make a text as long as their last argument, or repeat it so often. */
const GROWING: readonly string[] = ["REPEAT", "LPAD", "RPAD", "SPACE"];

/** Calls with a syntax of their own inside of the parentheses. */
const SPECIAL: Readonly<Record<string, (cursor: Cursor) => Reference[]>> = {
  CAST: readCast,
  CONVERT: readConvert,
  COUNT: readCount,
  EXTRACT: (cursor) => {
    readUnit(cursor);
    cursor.expectWord("FROM");
    return cursor.grammar.readExpression(cursor);
  },
  GROUP_CONCAT: readGroupConcat,
  POSITION: (cursor) => cursor.grammar.readExpression(cursor),
  SUBSTR: readSubstring,
  SUBSTRING: readSubstring,
  MID: readSubstring,
  TIMESTAMPADD: readUnitFirst,
  TIMESTAMPDIFF: readUnitFirst,
  TRIM: readTrim,
  JSON_VALUE: readReturning,
  CHAR: (cursor) => {
    const references = readExpressions(cursor);
    if (cursor.takeWord("USING")) readCharacterSet(cursor);
    return references;
  },
};

/** Reads a call from its parenthesis on: the function must be on the list, its arguments are expressions. */
export function readCall(cursor: Cursor, path: readonly string[]): Reference[] {
  const written = path.join(".");
  const name = written.toUpperCase();
  if (name === "MATCH") return readMatch(cursor);
  const isSpecial = Object.hasOwn(SPECIAL, name);
  if (!isSpecial && !FUNCTIONS.has(name) && !cursor.rules.functions.includes(written.toLowerCase()))
    throw forbidFunction(written, [
      ...[...FUNCTIONS].map((known) => known.toLowerCase()),
      ...cursor.rules.functions,
    ]);
  if (GROWING.includes(name)) cursor.growth.grow(name, readLength(cursor, name));
  const references = cursor.within(() =>
    isSpecial && SPECIAL[name] ? SPECIAL[name](cursor) : readArguments(cursor),
  );
  return [...references, ...readOver(cursor)];
}

function readArguments(cursor: Cursor): Reference[] {
  if (cursor.isSymbol(")")) return [];
  cursor.takeWord("DISTINCT");
  return readExpressions(cursor);
}

function readOver(cursor: Cursor): Reference[] {
  const references = cursor.takeWord("WITHIN", "GROUP")
    ? cursor.within(() => {
        cursor.expectWord("ORDER", "BY");
        return readOrder(cursor);
      })
    : [];
  if (!cursor.takeWord("RESPECT", "NULLS")) cursor.takeWord("IGNORE", "NULLS");
  if (!cursor.takeWord("OVER")) return references;
  if (cursor.isSymbol("(")) return [...references, ...readWindow(cursor)];
  cursor.name();
  return references;
}

/** The length that REPEAT, LPAD, RPAD or SPACE takes, without moving; `null` if it is not a plain number. */
function readLength(cursor: Cursor, name: string): number | null {
  const wanted = name === "SPACE" ? 0 : 1;
  let depth = 0;
  let commas = 0;
  for (let offset = 0; cursor.peek(offset).kind !== "end"; offset += 1) {
    const { kind, text } = cursor.peek(offset);
    if (kind === "symbol" && text === "(") depth += 1;
    if (kind === "symbol" && text === ")") depth -= 1;
    if (depth === 0) return null;
    const isNext = commas === wanted && depth === 1 && kind === "number";
    const after = cursor.peek(offset + 1);
    if (isNext && after.kind === "symbol" && [",", ")"].includes(after.text)) return Number(text);
    if (commas > wanted) return null;
    if (depth === 1 && kind === "symbol" && text === ",") commas += 1;
  }
  return null;
}

function readMatch(cursor: Cursor): Reference[] {
  const columns = cursor.within(() => readExpressions(cursor));
  cursor.expectWord("AGAINST");
  const wanted = cursor.within(() => {
    // `IN` after the text is a mode here, so the text is no whole expression.
    if (!["text", "parameter"].includes(cursor.peek().kind))
      throw reject("AGAINST takes a text or a parameter.");
    cursor.next();
    if (cursor.takeWord("IN", "BOOLEAN", "MODE")) return [];
    cursor.takeWord("IN", "NATURAL", "LANGUAGE", "MODE");
    cursor.takeWord("WITH", "QUERY", "EXPANSION");
    return [];
  });
  return [...columns, ...wanted];
}

function readCount(cursor: Cursor): Reference[] {
  return cursor.takeSymbol("*") ? [] : readArguments(cursor);
}

function readGroupConcat(cursor: Cursor): Reference[] {
  const references = readArguments(cursor);
  if (cursor.takeWord("ORDER", "BY")) references.push(...readOrder(cursor));
  if (cursor.takeWord("SEPARATOR") && cursor.next().kind !== "text") throw reject("SEPARATOR takes a text.");
  if (cursor.takeWord("LIMIT") && cursor.next().kind !== "number") throw reject("LIMIT takes a number.");
  return references;
}

function readUnitFirst(cursor: Cursor): Reference[] {
  readUnit(cursor);
  cursor.expectSymbol(",");
  return readExpressions(cursor);
}

function readSubstring(cursor: Cursor): Reference[] {
  const references = cursor.grammar.readExpression(cursor);
  if (cursor.takeWord("FROM")) {
    references.push(...cursor.grammar.readExpression(cursor));
    if (cursor.takeWord("FOR")) references.push(...cursor.grammar.readExpression(cursor));
    return references;
  }
  return cursor.takeSymbol(",") ? [...references, ...readExpressions(cursor)] : references;
}

function readTrim(cursor: Cursor): Reference[] {
  const isSided = ["BOTH", "LEADING", "TRAILING"].some((side) => cursor.takeWord(side));
  if (isSided && cursor.takeWord("FROM")) return cursor.grammar.readExpression(cursor);
  const references = cursor.grammar.readExpression(cursor);
  return cursor.takeWord("FROM") ? [...references, ...cursor.grammar.readExpression(cursor)] : references;
}

function readReturning(cursor: Cursor): Reference[] {
  const references = readExpressions(cursor);
  if (cursor.takeWord("RETURNING")) readType(cursor);
  return references;
}

function readCast(cursor: Cursor): Reference[] {
  const references = cursor.grammar.readExpression(cursor);
  cursor.expectWord("AS");
  readType(cursor);
  return references;
}

function readConvert(cursor: Cursor): Reference[] {
  const references = cursor.grammar.readExpression(cursor);
  if (cursor.takeWord("USING")) readCharacterSet(cursor);
  else {
    cursor.expectSymbol(",");
    readType(cursor);
  }
  return references;
}

/** A type with its length, sign and character set. */
export function readType(cursor: Cursor): void {
  if (!TYPES.has(cursor.keyword()))
    throw forbid(`The type ${quote(cursor.peek().text)} is not allowed here.`);
  cursor.next();
  if (cursor.isSymbol("("))
    cursor.within(() =>
      cursor.list(() => {
        if (cursor.next().kind !== "number") throw reject("A type takes plain numbers.");
      }),
    );
  if (!cursor.takeWord("INTEGER")) cursor.takeWord("INT");
  if (!cursor.takeWord("UNSIGNED")) cursor.takeWord("SIGNED");
  if (cursor.takeWord("CHARACTER", "SET") || cursor.takeWord("CHARSET")) readCharacterSet(cursor);
  if (cursor.takeWord("COLLATE")) readCharacterSet(cursor);
}
