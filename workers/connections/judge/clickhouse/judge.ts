import { checkText, reject } from "../refuse.ts";
import { resolveQuery } from "../resolve.ts";
import type { Dialect } from "../scope.ts";
import type { JudgeStatement } from "../statement.ts";
import { Cursor } from "./cursor.ts";
import { readQuery } from "./read-query.ts";

const DIALECT: Dialect = {
  // Names are compared as written; coarser is safe: a column that differs in case alone counts as the hidden one.
  foldColumn: (name) => name.toLowerCase(),
  foldAlias: (name) => name.toLowerCase(),
  nameValue: () => null,
  hasWholeRows: false,
  hasCompoundColumns: true,
};

/**
 * Judges a SELECT of ClickHouse. The reader is our own, for the part of the language that is allowed: no table
 * function, no setting, no format, no lambda, and no alias inside of an expression, which other clauses could use.
 */
export const judgeClickhouse: JudgeStatement = async (sql, rules) => {
  checkText(sql);
  const cursor = new Cursor(sql, rules, readQuery);
  if (!["SELECT", "WITH", ""].includes(cursor.keyword()))
    throw reject("Only SELECT and WITH … SELECT are allowed.");
  const query = readQuery(cursor);
  const isEnded = cursor.takeSymbol(";");
  if (cursor.peek().kind !== "end")
    throw isEnded ? reject("Only one statement is allowed.") : cursor.unexpected("The end of the statement");
  const tables = resolveQuery(query, rules, DIALECT);
  const parameters = Math.max(0, ...cursor.parameters);
  if (cursor.parameters.size !== parameters)
    throw reject("Parameters are {p1:…}, {p2:…} and so on, without a gap.");
  return { parameters, tables: tables.map(({ schema, name }) => ({ schema, name })) };
};
