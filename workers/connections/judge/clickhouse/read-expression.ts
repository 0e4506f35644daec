import { peekNumber, readCase, readExists, readParentheses, readTypeSize } from "../clauses.ts";
import type { Cursor } from "../cursor.ts";
import type { Reference } from "../query.ts";
import { forbid, forbidFunction, quote, reject } from "../refuse.ts";
import { FUNCTIONS, GROWING, isAllowed, TYPES, UNITS } from "./functions.ts";

const OPERATORS = new Set("= == <> != < > <= >= + - * / % ||".split(" "));
const OPERATOR_WORDS = new Set("AND OR LIKE ILIKE REGEXP DIV MOD".split(" "));

/** Reads an expression and gives what it refers to: operands and operators alternate. */
export function readExpression(cursor: Cursor): Reference[] {
  return cursor.enter(() => {
    const references = readOperand(cursor);
    while (true) {
      if (cursor.takeSymbol("::")) readType(cursor);
      else if (cursor.isSymbol("["))
        references.push(...cursor.within(() => readExpression(cursor), "[", "]"));
      else if (cursor.takeWord("IS")) {
        cursor.takeWord("NOT");
        cursor.expectWord("NULL");
      } else if (takeIn(cursor)) references.push(...readMembers(cursor));
      else if (takeOperator(cursor)) references.push(...readOperand(cursor));
      else return references;
    }
  });
}

/** Expressions with ASC, DESC and the place of NULLs. */
export function readOrder(cursor: Cursor): Reference[] {
  const members = cursor.list(() => {
    const references = readExpression(cursor);
    cursor.takeOne("ASC", "DESC");
    if (cursor.takeWord("NULLS")) cursor.expectOne("FIRST", "LAST");
    return references;
  });
  return members.flat();
}

/** `([PARTITION BY …] [ORDER BY …] [frame])` */
export function readWindow(cursor: Cursor): Reference[] {
  return cursor.within(() => {
    const references: Reference[] = [];
    if (cursor.takeWord("PARTITION", "BY")) references.push(...cursor.expressions());
    if (cursor.takeWord("ORDER", "BY")) references.push(...readOrder(cursor));
    if (!cursor.takeOne("ROWS", "RANGE")) return references;
    const isBetween = cursor.takeWord("BETWEEN");
    readBound(cursor);
    if (isBetween) {
      cursor.expectWord("AND");
      readBound(cursor);
    }
    return references;
  });
}

function readBound(cursor: Cursor): void {
  if (cursor.takeWord("CURRENT", "ROW")) return;
  if (!cursor.takeWord("UNBOUNDED") && cursor.next().kind !== "number")
    throw reject("A frame takes plain numbers.");
  cursor.expectOne("PRECEDING", "FOLLOWING");
}

function takeIn(cursor: Cursor): boolean {
  return cursor.takeWord("NOT", "IN") || cursor.takeWord("IN");
}

/** After IN a name would be a table. */
function readMembers(cursor: Cursor): Reference[] {
  if (cursor.isQuery()) return readParentheses(cursor);
  if (cursor.isSymbol("[")) return readOperand(cursor);
  // A list of one is a name in parentheses, which is a table as well, however many they are.
  let depth = 0;
  while (cursor.isSymbol("(", depth)) depth += 1;
  const isSubquery = depth > 1 && ["SELECT", "WITH"].includes(cursor.keyword(depth));
  const isName = ["word", "name"].includes(cursor.peek(depth).kind) && !isSubquery;
  if (depth === 0 || isName) throw reject("IN takes a list of values in parentheses, or a subquery.");
  return cursor.within(() => cursor.expressions());
}

function takeOperator(cursor: Cursor): boolean {
  const { kind, text } = cursor.peek();
  if (kind === "symbol" && OPERATORS.has(text)) {
    cursor.next();
    return true;
  }
  if (cursor.keyword() === "NOT" && ["LIKE", "ILIKE", "BETWEEN"].includes(cursor.keyword(1))) cursor.next();
  // The AND of BETWEEN is read as an operator.
  if (cursor.takeWord("BETWEEN")) return true;
  if (!OPERATOR_WORDS.has(cursor.keyword())) return false;
  cursor.next();
  return true;
}

function readOperand(cursor: Cursor): Reference[] {
  return cursor.enter(() => {
    const { kind } = cursor.peek();
    if (cursor.takeSymbol("-") || cursor.takeWord("NOT")) return readOperand(cursor);
    if (kind === "text" || kind === "number" || kind === "parameter") {
      cursor.next();
      return [];
    }
    if (cursor.isSymbol("(")) return readParentheses(cursor);
    if (cursor.isSymbol("[")) {
      if (cursor.isSymbol("]", 1)) return cursor.within(() => [], "[", "]");
      return cursor.within(() => cursor.expressions(), "[", "]");
    }
    if (kind === "word" || kind === "name") return readNamed(cursor);
    throw cursor.unexpected("An expression");
  });
}

function readNamed(cursor: Cursor): Reference[] {
  const word = cursor.keyword();
  if (cursor.takeOne("NULL", "TRUE", "FALSE")) return [];
  if (word === "CASE") return readCase(cursor);
  if (word === "INTERVAL") return readInterval(cursor);
  if (word === "CAST" && cursor.isSymbol("(", 1)) return readCast(cursor);
  if (word === "EXISTS" && cursor.isSymbol("(", 1)) return readExists(cursor);
  if (word === "EXTRACT" && cursor.isSymbol("(", 1) && UNITS.has(cursor.keyword(2))) {
    cursor.next();
    return cursor.within(() => {
      cursor.next();
      cursor.expectWord("FROM");
      return readExpression(cursor);
    });
  }
  if (["DATE", "TIMESTAMP"].includes(word) && cursor.peek(1).kind === "text") {
    cursor.next();
    cursor.next();
    return [];
  }
  if (cursor.peek().kind === "word" && cursor.isSymbol("(", 1)) return readCall(cursor);
  const path = cursor.path();
  if (cursor.isSymbol("(")) throw forbidFunction(path.join("."), FUNCTIONS);
  return [{ kind: "column", path }];
}

/** Reads a call: `name(…)`, `name(parameters)(…)`, each with `OVER`. */
function readCall(cursor: Cursor): Reference[] {
  const { text: name } = cursor.next();
  if (!isAllowed(name) && !cursor.rules.functions.includes(name.toLowerCase()))
    throw forbidFunction(name, [...FUNCTIONS, ...cursor.rules.functions]);
  if (GROWING.has(name.toLowerCase())) cursor.growth.grow(name, peekNumber(cursor, 1));
  const references = readArguments(cursor);
  if (cursor.isSymbol("(")) references.push(...readArguments(cursor));
  if (!cursor.takeWord("OVER")) return references;
  if (cursor.isSymbol("(")) return [...references, ...readWindow(cursor)];
  cursor.name();
  return references;
}

function readArguments(cursor: Cursor): Reference[] {
  return cursor.within(() => {
    if (cursor.isSymbol(")")) return [];
    if (cursor.isSymbol("*") && cursor.isSymbol(")", 1)) {
      cursor.next();
      return [];
    }
    cursor.takeWord("DISTINCT");
    return cursor.isQuery() ? readParentheses(cursor) : cursor.expressions();
  });
}

function readInterval(cursor: Cursor): Reference[] {
  cursor.expectWord("INTERVAL");
  const references = readOperand(cursor);
  if (!UNITS.has(cursor.keyword())) throw cursor.unexpected("A unit such as DAY");
  cursor.next();
  return references;
}

function readCast(cursor: Cursor): Reference[] {
  cursor.expectWord("CAST");
  return cursor.within(() => {
    const references = readExpression(cursor);
    cursor.expectWord("AS");
    readType(cursor);
    return references;
  });
}

/** A plain type, `Nullable(…)` of one, or one with numbers. */
function readType(cursor: Cursor): void {
  const { kind, text } = cursor.next();
  const isWrapped = kind === "word" && text === "Nullable";
  if (!isWrapped && !(kind === "word" && TYPES.test(text)))
    throw forbid(`The type ${quote(text)} is not allowed here.`);
  if (isWrapped) cursor.within(() => readType(cursor));
  else if (text === "Decimal") readTypeSize(cursor);
}
