import { judgeToEnd } from "../clauses.ts";
import { Cursor, type Language } from "../cursor.ts";
import { checkText, reject } from "../refuse.ts";
import type { Dialect } from "../scope.ts";
import type { JudgedStatement, JudgeStatement } from "../statement.ts";
import { lex } from "./lex.ts";
import { readExpression } from "./read-expression.ts";
import { readQuery } from "./read-query.ts";
import { RESERVED } from "./words.ts";

const DIALECT: Dialect = {
  foldColumn: fold,
  foldAlias: fold,
  // MySQL calls them column_0, MariaDB as the values of the first row.
  nameValue: () => null,
  hasWholeRows: false,
  hasCompoundColumns: false,
  ordersByOutputAlone: false,
};

const LANGUAGE: Language = {
  lex,
  reserved: RESERVED,
  queryWords: ["SELECT", "WITH", "VALUES"],
  deepest: 100,
  takesWordAfterPoint: true,
  notRead: {
    INTO: "INTO",
    FOR: "FOR UPDATE, FOR SHARE and FOR SYSTEM_TIME",
    LOCK: "LOCK IN SHARE MODE",
    PROCEDURE: "PROCEDURE",
    USE: "an index hint",
    FORCE: "an index hint",
    IGNORE: "an index hint",
    PARTITION: "PARTITION",
  },
  readExpression,
  readQuery,
};

/**
 * Judges a SELECT or VALUES of MySQL or MariaDB. The reader is our own, for the part of the language that is
 * allowed: a statement is refused at the first token without a rule. It reads texts so that the server's
 * `sql_mode` makes no difference, but the connection must use the character set utf8mb4 and not the modes ORACLE
 * and MSSQL.
 */
export const judgeMysql: JudgeStatement = async (sql, rules) => {
  checkText(sql);
  const cursor = new Cursor(sql, rules, LANGUAGE);
  if (!["SELECT", "WITH", "VALUES", ""].includes(cursor.keyword()))
    throw reject("Only SELECT, WITH … SELECT and VALUES are allowed.");
  return judge(cursor);
};

/** Judges an EXPLAIN without ANALYZE of what {@link judgeMysql} allows. */
export const judgeMysqlExplain: JudgeStatement = async (sql, rules) => {
  checkText(sql);
  const cursor = new Cursor(sql, rules, LANGUAGE);
  if (!cursor.takeWord("EXPLAIN")) throw reject("Only EXPLAIN of a SELECT is allowed here.");
  if (cursor.takeWord("FORMAT")) {
    cursor.expectSymbol("=");
    if (!["JSON", "TREE", "TRADITIONAL"].includes(cursor.keyword()))
      throw cursor.unexpected("JSON, TREE or TRADITIONAL");
    cursor.next();
  }
  return judge(cursor);
};

function judge(cursor: Cursor): JudgedStatement {
  return judgeToEnd(cursor, DIALECT, ({ length }) => length);
}

/** At least as coarse as any server: two names that a server may take for one are one. */
function fold(name: string): string {
  return name.normalize("NFKD").replaceAll(/\p{M}/gu, "").toLowerCase().replaceAll("ı", "i");
}
