import { countNumbered, judgeToEnd } from "../clauses.ts";
import { Cursor, type Language } from "../cursor.ts";
import { checkText, reject } from "../refuse.ts";
import type { Dialect } from "../scope.ts";
import type { JudgeStatement } from "../statement.ts";
import { lex } from "./lex.ts";
import { readExpression } from "./read-expression.ts";
import { readQuery } from "./read-query.ts";
import { RESERVED } from "./words.ts";

const DIALECT: Dialect = {
  // Coarser than the server, which tells "email" from EMAIL: a name that differs in case alone is the hidden one.
  foldColumn: (name) => name.toLowerCase(),
  foldAlias: (name) => name.toLowerCase(),
  nameValue: () => null,
  hasWholeRows: false,
  hasCompoundColumns: true,
  ordersByOutputAlone: true,
};

const LANGUAGE: Language = {
  lex,
  reserved: RESERVED,
  queryWords: ["SELECT", "WITH"],
  deepest: 60,
  takesWordAfterPoint: false,
  notRead: {
    INTO: "INTO",
    FOR: "FOR UPDATE",
    VERSIONS: "VERSIONS",
    MODEL: "MODEL",
    PIVOT: "PIVOT",
    UNPIVOT: "UNPIVOT",
    MATCH_RECOGNIZE: "MATCH_RECOGNIZE",
    SAMPLE: "SAMPLE",
    PARTITION: "PARTITION",
    SUBPARTITION: "SUBPARTITION",
    EXTERNAL: "an external table",
    CURSOR: "CURSOR",
    COLLATE: "COLLATE",
  },
  readExpression,
  readQuery,
};

/**
 * Judges a SELECT of Oracle. The reader is our own, for the part of the language that is allowed: a statement is
 * refused at the first token without a rule. No PL/SQL, hint, database link, lock, look into the past, package,
 * object type, XML, nor function in FROM. The connection's current schema must be the first of `searchPath`.
 */
export const judgeOracle: JudgeStatement = async (sql, rules) => {
  checkText(sql);
  const cursor = new Cursor(sql, rules, LANGUAGE);
  if (!["SELECT", "WITH", ""].includes(cursor.keyword()))
    throw reject("Only SELECT and WITH … SELECT are allowed.");
  const judged = judgeToEnd(cursor, DIALECT, (names) => countNumbered(names, ":p1, :p2"));
  const last = lex(sql).at(-2);
  // The connector takes away a semicolon at the end alone, which the server would not read.
  if (last?.kind === "symbol" && last.text === ";" && sql.slice(last.at + 1).trim() !== "")
    throw reject("No comment may follow the semicolon: leave out the semicolon.");
  return judged;
};
