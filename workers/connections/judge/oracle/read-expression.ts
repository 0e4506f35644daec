import { readCase, readExists, readParentheses } from "../clauses.ts";
import type { Cursor } from "../cursor.ts";
import type { Reference } from "../query.ts";
import { forbid, quote } from "../refuse.ts";
import { readCall } from "./read-call.ts";
import { BARE, PSEUDO_COLUMNS, UNITS } from "./words.ts";

const COMPARISONS = new Set("= <> != ^= < > <= >=".split(" "));
const OPERATORS = new Set("+ - * / ||".split(" "));
const LIKES = ["LIKE", "LIKEC", "LIKE2", "LIKE4"];

/**
 * Reads an expression and gives what it refers to. Operands and operators alternate; which operator binds first
 * changes nothing about the references.
 */
export function readExpression(cursor: Cursor): Reference[] {
  return cursor.enter(() => {
    const references = readOperand(cursor);
    while (true) {
      if (cursor.takeWord("IS")) readTest(cursor);
      else if (cursor.takeWord("AT")) references.push(...readZone(cursor));
      else if (takeOperator(cursor)) references.push(...readOperand(cursor));
      else return references;
    }
  });
}

function takeOperator(cursor: Cursor): boolean {
  const { kind, text } = cursor.peek();
  if (kind === "symbol" && COMPARISONS.has(text)) {
    cursor.next();
    // `= ANY (SELECT …)`
    cursor.takeOne("ANY", "SOME", "ALL");
    return true;
  }
  if (kind === "symbol" && OPERATORS.has(text)) {
    cursor.next();
    return true;
  }
  if (cursor.isWord("NOT") && [...LIKES, "IN", "BETWEEN"].includes(cursor.keyword(1))) cursor.next();
  // The AND of BETWEEN is read as an operator.
  return cursor.takeOne("AND", "OR", "BETWEEN", "IN", "ESCAPE", ...LIKES);
}

/** The rest of IS [NOT] NULL, NAN or INFINITE. */
function readTest(cursor: Cursor): void {
  cursor.takeWord("NOT");
  cursor.expectOne("NULL", "NAN", "INFINITE");
}

/** The rest of AT LOCAL or AT TIME ZONE. */
function readZone(cursor: Cursor): Reference[] {
  if (cursor.takeWord("LOCAL")) return [];
  cursor.expectWord("TIME", "ZONE");
  return readOperand(cursor);
}

function readOperand(cursor: Cursor): Reference[] {
  return cursor.enter(() => {
    const { kind } = cursor.peek();
    if (cursor.takeSymbol("-") || cursor.takeSymbol("+")) return readOperand(cursor);
    if (cursor.takeOne("NOT", "PRIOR", "CONNECT_BY_ROOT")) return readOperand(cursor);
    if (kind === "text" || kind === "number" || kind === "parameter") {
      cursor.next();
      return [];
    }
    if (cursor.isSymbol("(")) return readParentheses(cursor);
    if (kind === "word" || kind === "name") return readNamed(cursor);
    throw cursor.unexpected("An expression");
  });
}

/** What begins with a word: a keyword of expressions, a call, or a column. */
function readNamed(cursor: Cursor): Reference[] {
  const word = cursor.keyword();
  if (word === "CASE") return readCase(cursor);
  if (word === "EXISTS") return readExists(cursor);
  if (word === "INTERVAL") return readInterval(cursor);
  if (["DATE", "TIMESTAMP"].includes(word) && cursor.peek(1).kind === "text") {
    cursor.next();
    cursor.next();
    return [];
  }
  if (BARE.has(word)) {
    cursor.next();
    return [];
  }
  const start = [0, 2, 4].map((offset) => cursor.peek(offset).kind);
  const path = cursor.path();
  const pseudo = path.find((name) => PSEUDO_COLUMNS.has(name.toUpperCase()));
  if (pseudo !== undefined) throw forbid(`${quote(pseudo)} is not allowed here.`);
  if (takeOuterJoin(cursor)) return [{ kind: "column", path }];
  // In quotes a name could be that of another function, which differs in case alone.
  if (cursor.isSymbol("(") && start.slice(0, path.length).includes("name"))
    throw forbid("A function's name stands without quotes.");
  if (cursor.isSymbol("(")) return readCall(cursor, path);
  return [{ kind: "column", path }];
}

/** `(+)` behind a column, which joins like LEFT JOIN. */
function takeOuterJoin(cursor: Cursor): boolean {
  if (!(cursor.isSymbol("(") && cursor.isSymbol("+", 1) && cursor.isSymbol(")", 2))) return false;
  for (let read = 0; read < 3; read += 1) cursor.next();
  return true;
}

/** `INTERVAL '3' DAY`, `INTERVAL '1-2' YEAR TO MONTH` */
function readInterval(cursor: Cursor): Reference[] {
  cursor.expectWord("INTERVAL");
  if (cursor.next().kind !== "text") throw cursor.unexpected("A text such as INTERVAL '3' DAY");
  readUnit(cursor);
  if (cursor.takeWord("TO")) readUnit(cursor);
  return [];
}

function readUnit(cursor: Cursor): void {
  if (!UNITS.has(cursor.keyword())) throw cursor.unexpected("A unit such as DAY");
  cursor.next();
  if (!cursor.isSymbol("(")) return;
  cursor.within(() => {
    if (cursor.next().kind !== "number") throw cursor.unexpected("A number of digits");
  });
}
