import { readCase, readExists, readParentheses } from "../clauses.ts";
import type { Cursor } from "../cursor.ts";
import type { Reference } from "../query.ts";
import { reject } from "../refuse.ts";
import { BARE_FUNCTIONS } from "./functions.ts";
import { readCall } from "./read-call.ts";
import { readCharacterSet, readUnit } from "./read-clauses.ts";
import { RESERVED, UNITS } from "./words.ts";

const OPERATORS = new Set("= <=> <> != < > <= >= + - * / % & | ^ << >> || && -> ->>".split(" "));
const OPERATOR_WORDS = new Set("AND OR XOR DIV MOD LIKE REGEXP RLIKE".split(" "));
const SIGNS = new Set("- + ~ !".split(" "));
const LITERAL_WORDS = new Set("NULL TRUE FALSE UNKNOWN".split(" "));

/**
 * Reads an expression and gives what it refers to. Operands and operators alternate; which operator binds first
 * changes nothing about the references.
 */
export function readExpression(cursor: Cursor): Reference[] {
  return cursor.enter(() => {
    const references = readOperand(cursor);
    while (true) {
      if (cursor.takeWord("COLLATE")) readCharacterSet(cursor);
      else if (cursor.takeWord("IS")) readTest(cursor);
      else if (takeOperator(cursor)) references.push(...readOperand(cursor));
      else return references;
    }
  });
}

function takeOperator(cursor: Cursor): boolean {
  const { kind, text } = cursor.peek();
  if (kind === "symbol" && OPERATORS.has(text)) {
    cursor.next();
    // `= ANY (SELECT …)`
    if (!cursor.takeWord("ANY") && !cursor.takeWord("SOME")) cursor.takeWord("ALL");
    return true;
  }
  if (cursor.isWord("NOT") && ["IN", "LIKE", "BETWEEN", "REGEXP", "RLIKE"].includes(cursor.keyword(1)))
    cursor.next();
  if (cursor.takeWord("SOUNDS", "LIKE") || cursor.takeWord("MEMBER", "OF") || cursor.takeWord("ESCAPE"))
    return true;
  // The AND of BETWEEN is read as an operator.
  if (cursor.takeWord("BETWEEN") || cursor.takeWord("IN")) return true;
  if (!OPERATOR_WORDS.has(cursor.keyword())) return false;
  cursor.next();
  return true;
}

/** The rest of IS [NOT] NULL, TRUE, FALSE or UNKNOWN. */
function readTest(cursor: Cursor): void {
  cursor.takeWord("NOT");
  if (!LITERAL_WORDS.has(cursor.keyword())) throw cursor.unexpected("NULL, TRUE or FALSE");
  cursor.next();
}

function readOperand(cursor: Cursor): Reference[] {
  return cursor.enter(() => {
    const { kind, text } = cursor.peek();
    if (kind === "symbol" && SIGNS.has(text)) {
      cursor.next();
      return readOperand(cursor);
    }
    if (cursor.takeWord("NOT") || cursor.takeWord("BINARY")) return readOperand(cursor);
    if (kind === "text") return readTexts(cursor);
    if (kind === "number" || kind === "parameter") {
      cursor.next();
      return [];
    }
    if (cursor.isSymbol("(")) return readParentheses(cursor);
    if (kind === "word" || kind === "name") return readNamed(cursor);
    throw cursor.unexpected("An expression");
  });
}

/** Texts one after the other are one text. */
function readTexts(cursor: Cursor): Reference[] {
  while (cursor.peek().kind === "text") cursor.next();
  return [];
}

/** What begins with a word: a keyword of expressions, a call, or a column. */
function readNamed(cursor: Cursor): Reference[] {
  const word = cursor.keyword();
  if (cursor.isSymbol("(", 1)) return readBeforeParenthesis(cursor, word);
  if (word === "CASE") return readCase(cursor);
  if (word === "INTERVAL") return readInterval(cursor);
  if (LITERAL_WORDS.has(word) || BARE_FUNCTIONS.has(word)) {
    cursor.next();
    return [];
  }
  if (["DATE", "TIME", "TIMESTAMP"].includes(word) && cursor.peek(1).kind === "text") {
    cursor.next();
    return readTexts(cursor);
  }
  if (word !== "" && RESERVED.has(word)) throw cursor.unexpected("An expression");
  const path = cursor.path();
  if (cursor.isSymbol("(")) return readCall(cursor, path);
  return [{ kind: "column", path }];
}

function readBeforeParenthesis(cursor: Cursor, word: string): Reference[] {
  if (word === "EXISTS") return readExists(cursor);
  if (word === "ROW") {
    cursor.next();
    return cursor.within(() => cursor.expressions());
  }
  if (word === "INTERVAL") return readInterval(cursor);
  if (word === "CASE") return readCase(cursor);
  return readCall(cursor, [cursor.next().text]);
}

/** `INTERVAL 3 DAY`; the function of that name has no unit. */
function readInterval(cursor: Cursor): Reference[] {
  cursor.expectWord("INTERVAL");
  const references = cursor.expression();
  if (!UNITS.has(cursor.keyword())) throw reject("INTERVAL needs a unit: INTERVAL 3 DAY.");
  readUnit(cursor);
  return references;
}
