import { peekNumber, readTypeSize } from "../clauses.ts";
import type { Cursor } from "../cursor.ts";
import type { Reference } from "../query.ts";
import { forbid, forbidFunction, quote, reject } from "../refuse.ts";
import { FUNCTIONS, GROWING } from "./functions.ts";
import { TYPES, UNITS } from "./words.ts";

/** Calls with a syntax of their own inside of the parentheses. */
const SPECIAL: Readonly<Record<string, (cursor: Cursor) => Reference[]>> = {
  CAST: (cursor) => {
    const references = cursor.expression();
    cursor.expectWord("AS");
    readType(cursor);
    return references;
  },
  COUNT: (cursor) => (cursor.takeSymbol("*") ? [] : readArguments(cursor)),
  EXTRACT: (cursor) => {
    if (!UNITS.has(cursor.keyword()) && !/^TIMEZONE_(HOUR|MINUTE|REGION|ABBR)$/.test(cursor.keyword()))
      throw cursor.unexpected("A unit such as YEAR");
    cursor.next();
    cursor.expectWord("FROM");
    return cursor.expression();
  },
  LISTAGG: (cursor) => {
    const references = readArguments(cursor);
    if (!cursor.takeWord("ON", "OVERFLOW")) return references;
    if (cursor.takeWord("ERROR")) return references;
    cursor.expectWord("TRUNCATE");
    if (cursor.peek().kind === "text") cursor.next();
    if (cursor.takeOne("WITH", "WITHOUT")) cursor.expectWord("COUNT");
    return references;
  },
  TRIM: (cursor) => {
    const isSided = cursor.takeOne("BOTH", "LEADING", "TRAILING");
    if (isSided && cursor.takeWord("FROM")) return cursor.expression();
    const references = cursor.expression();
    return cursor.takeWord("FROM") ? [...references, ...cursor.expression()] : references;
  },
  JSON_EXISTS: readPath,
  JSON_QUERY: readPath,
  JSON_VALUE: readPath,
};

/** Reads a call from its parenthesis on: the function must be on the list, its arguments are expressions. */
export function readCall(cursor: Cursor, path: readonly string[]): Reference[] {
  const written = path.join(".");
  const [name = ""] = path;
  const isListed = path.length === 1 && FUNCTIONS.has(name);
  if (!isListed && !cursor.rules.functions.includes(written.toLowerCase()))
    throw forbidFunction(written, [
      ...[...FUNCTIONS].map((known) => known.toLowerCase()),
      ...cursor.rules.functions,
    ]);
  if (GROWING.has(name)) cursor.growth.grow(name, peekNumber(cursor, 1));
  const special = isListed && Object.hasOwn(SPECIAL, name) ? SPECIAL[name] : undefined;
  const references = cursor.within(() => (special ? special(cursor) : readArguments(cursor)));
  return [...references, ...readBehind(cursor)];
}

function readArguments(cursor: Cursor): Reference[] {
  if (cursor.isSymbol(")")) return [];
  if (!cursor.takeOne("DISTINCT", "UNIQUE")) cursor.takeWord("ALL");
  const references = cursor.expressions();
  takeNulls(cursor);
  return references;
}

/** What follows a call: WITHIN GROUP, KEEP and OVER. */
function readBehind(cursor: Cursor): Reference[] {
  const references: Reference[] = [];
  if (cursor.takeWord("WITHIN", "GROUP"))
    references.push(
      ...cursor.within(() => {
        cursor.expectWord("ORDER", "BY");
        return readOrder(cursor);
      }),
    );
  if (cursor.takeWord("KEEP"))
    references.push(
      ...cursor.within(() => {
        cursor.expectWord("DENSE_RANK");
        cursor.expectOne("FIRST", "LAST");
        cursor.expectWord("ORDER", "BY");
        return readOrder(cursor);
      }),
    );
  takeNulls(cursor);
  if (cursor.takeWord("OVER")) references.push(...readWindow(cursor));
  return references;
}

function takeNulls(cursor: Cursor): void {
  if (!cursor.takeWord("RESPECT", "NULLS")) cursor.takeWord("IGNORE", "NULLS");
}

/** Expressions with ASC, DESC and the place of NULLs. That of a query may name its outputs; no other ORDER BY may. */
export function readOrder(cursor: Cursor, mayNameOutput = false): Reference[] {
  const members = cursor.list(() => {
    const start = cursor.position;
    const references = cursor.expression();
    const [only] = references;
    // Inside of an expression the server could take the name of an output for a function.
    const isWhole = only?.kind === "column" && cursor.position - start === only.path.length * 2 - 1;
    cursor.takeOne("ASC", "DESC");
    if (cursor.takeWord("NULLS")) cursor.expectOne("FIRST", "LAST");
    return isWhole && mayNameOutput ? [{ ...only, isWholeMember: true as const }] : references;
  });
  return members.flat();
}

/** `([PARTITION BY …] [ORDER BY …] [frame])` */
function readWindow(cursor: Cursor): Reference[] {
  return cursor.within(() => {
    const references: Reference[] = [];
    if (cursor.takeWord("PARTITION", "BY")) references.push(...cursor.expressions());
    if (cursor.takeWord("ORDER", "BY")) references.push(...readOrder(cursor));
    if (!cursor.takeOne("ROWS", "RANGE")) return references;
    if (!cursor.takeWord("BETWEEN")) return [...references, ...readBound(cursor)];
    references.push(...readBound(cursor));
    cursor.expectWord("AND");
    return [...references, ...readBound(cursor)];
  });
}

function readBound(cursor: Cursor): Reference[] {
  if (cursor.takeWord("CURRENT", "ROW")) return [];
  const references = cursor.takeWord("UNBOUNDED") ? [] : cursor.expression();
  cursor.expectOne("PRECEDING", "FOLLOWING");
  return references;
}

/** The document and its path of JSON_VALUE, JSON_QUERY or JSON_EXISTS. */
function readPath(cursor: Cursor): Reference[] {
  const references = cursor.expression();
  cursor.expectSymbol(",");
  // A path can call functions of the server, so it is a plain text that can be seen.
  if (cursor.peek().kind !== "text") throw reject("The path of a JSON function is a plain text: '$.a.b'.");
  cursor.next();
  if (cursor.takeWord("RETURNING")) readType(cursor);
  while (cursor.takeOne("ERROR", "NULL", "TRUE", "FALSE")) {
    cursor.expectWord("ON");
    cursor.expectOne("ERROR", "EMPTY");
  }
  return references;
}

/** A type with its size. */
function readType(cursor: Cursor): void {
  if (!TYPES.has(cursor.keyword()))
    throw forbid(`The type ${quote(cursor.peek().text)} is not allowed here.`);
  cursor.next();
  readTypeSize(cursor);
  if (cursor.takeWord("WITH")) {
    cursor.takeWord("LOCAL");
    cursor.expectWord("TIME", "ZONE");
  }
}
