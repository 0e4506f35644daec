import { peekNumber, readTypeSize } from "../clauses.ts";
import type { Cursor } from "../cursor.ts";
import type { Reference } from "../query.ts";
import { forbid, forbidFunction, quote, reject } from "../refuse.ts";
import { FUNCTIONS } from "./functions.ts";
import { readCharacterSet, readOrder, readUnit, readWindow } from "./read-clauses.ts";
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
    return cursor.expression();
  },
  GROUP_CONCAT: readGroupConcat,
  POSITION: (cursor) => cursor.expression(),
  SUBSTR: readSubstring,
  SUBSTRING: readSubstring,
  MID: readSubstring,
  TIMESTAMPADD: readUnitFirst,
  TIMESTAMPDIFF: readUnitFirst,
  TRIM: readTrim,
  JSON_VALUE: readReturning,
  CHAR: (cursor) => {
    const references = cursor.expressions();
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
  if (GROWING.includes(name)) cursor.growth.grow(name, peekNumber(cursor, name === "SPACE" ? 0 : 1));
  const references = cursor.within(() =>
    isSpecial && SPECIAL[name] ? SPECIAL[name](cursor) : readArguments(cursor),
  );
  return [...references, ...readOver(cursor)];
}

function readArguments(cursor: Cursor): Reference[] {
  if (cursor.isSymbol(")")) return [];
  cursor.takeWord("DISTINCT");
  return cursor.expressions();
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

function readMatch(cursor: Cursor): Reference[] {
  const columns = cursor.within(() => cursor.expressions());
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
  return cursor.expressions();
}

function readSubstring(cursor: Cursor): Reference[] {
  const references = cursor.expression();
  if (cursor.takeWord("FROM")) {
    references.push(...cursor.expression());
    if (cursor.takeWord("FOR")) references.push(...cursor.expression());
    return references;
  }
  return cursor.takeSymbol(",") ? [...references, ...cursor.expressions()] : references;
}

function readTrim(cursor: Cursor): Reference[] {
  const isSided = ["BOTH", "LEADING", "TRAILING"].some((side) => cursor.takeWord(side));
  if (isSided && cursor.takeWord("FROM")) return cursor.expression();
  const references = cursor.expression();
  return cursor.takeWord("FROM") ? [...references, ...cursor.expression()] : references;
}

function readReturning(cursor: Cursor): Reference[] {
  const references = cursor.expressions();
  if (cursor.takeWord("RETURNING")) readType(cursor);
  return references;
}

function readCast(cursor: Cursor): Reference[] {
  const references = cursor.expression();
  cursor.expectWord("AS");
  readType(cursor);
  return references;
}

function readConvert(cursor: Cursor): Reference[] {
  const references = cursor.expression();
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
  readTypeSize(cursor);
  if (!cursor.takeWord("INTEGER")) cursor.takeWord("INT");
  if (!cursor.takeWord("UNSIGNED")) cursor.takeWord("SIGNED");
  if (cursor.takeWord("CHARACTER", "SET") || cursor.takeWord("CHARSET")) readCharacterSet(cursor);
  if (cursor.takeWord("COLLATE")) readCharacterSet(cursor);
}
