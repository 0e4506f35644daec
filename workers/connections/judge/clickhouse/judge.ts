import { countNumbered, judgeToEnd } from "../clauses.ts";
import { Cursor, type Language } from "../cursor.ts";
import { checkText, reject } from "../refuse.ts";
import type { Dialect } from "../scope.ts";
import type { JudgeStatement } from "../statement.ts";
import { RESERVED } from "./functions.ts";
import { lex } from "./lex.ts";
import { readExpression } from "./read-expression.ts";
import { readQuery } from "./read-query.ts";

const DIALECT: Dialect = {
  // Names are compared as written; coarser is safe: a column that differs in case alone counts as the hidden one.
  foldColumn: (name) => name.toLowerCase(),
  foldAlias: (name) => name.toLowerCase(),
  nameValue: () => null,
  hasWholeRows: false,
  hasCompoundColumns: true,
  ordersByOutputAlone: false,
};

const LANGUAGE: Language = {
  lex,
  reserved: RESERVED,
  queryWords: ["SELECT", "WITH"],
  deepest: 60,
  takesWordAfterPoint: false,
  notRead: {},
  readExpression,
  readQuery,
};

/**
 * Judges a SELECT of ClickHouse. The reader is our own, for the part of the language that is allowed: no table
 * function, no setting, no format, no lambda, and no alias inside of an expression, which other clauses could use.
 */
export const judgeClickhouse: JudgeStatement = async (sql, rules) => {
  checkText(sql);
  const cursor = new Cursor(sql, rules, LANGUAGE);
  if (!["SELECT", "WITH", ""].includes(cursor.keyword()))
    throw reject("Only SELECT and WITH … SELECT are allowed.");
  return judgeToEnd(cursor, DIALECT, (names) => countNumbered(names, "{p1:…}, {p2:…}"));
};
