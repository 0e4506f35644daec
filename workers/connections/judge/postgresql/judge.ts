import { checkText, reject } from "../refuse.ts";
import { resolveQuery } from "../resolve.ts";
import type { Dialect } from "../scope.ts";
import type { JudgedStatement, JudgeStatement, StatementRules } from "../statement.ts";
import { parseStatements } from "./parser.ts";
import { readQuery } from "./read-query.ts";
import { Reader } from "./reader.ts";
import { checkFields, type Fields, listOf, openAs, openNode, textOf } from "./tree.ts";

const DIALECT: Dialect = {
  // The parser has folded names without quotes.
  foldColumn: (name) => name,
  foldAlias: (name) => name,
  nameValue: (index) => `column${index + 1}`,
  hasWholeRows: true,
  hasCompoundColumns: false,
  ordersByOutputAlone: false,
};

/**
 * Judges a SELECT, VALUES or TABLE of PostgreSQL. The server must read texts as the parser does: the connection
 * sets `standard_conforming_strings = on` and `client_encoding = UTF8`.
 */
export const judgePostgresql: JudgeStatement = async (sql, rules) => judge(await parseOne(sql), rules);

/** Judges an EXPLAIN without ANALYZE of what {@link judgePostgresql} allows. */
export const judgePostgresqlExplain: JudgeStatement = async (sql, rules) => {
  const { kind, fields } = openNode(await parseOne(sql));
  if (kind !== "ExplainStmt") throw reject("Only EXPLAIN of a SELECT is allowed here.");
  checkFields(kind, fields, ["query", "options"]);
  for (const node of listOf(fields.options)) {
    const option = openAs("DefElem", node);
    const name = textOf(option.defname);
    if (!["format", "costs"].includes(name))
      throw reject(`EXPLAIN takes the options FORMAT and COSTS here, not ${name.toUpperCase()}.`);
  }
  return judge(fields.query, rules);
};

async function parseOne(sql: string): Promise<unknown> {
  checkText(sql);
  const [statement, ...others] = await parseStatements(sql);
  if (statement === undefined) throw reject("The statement is empty.");
  if (others.length > 0) throw reject("Only one statement is allowed.");
  return statement;
}

function judge(statement: unknown, rules: StatementRules): JudgedStatement {
  const { kind, fields } = openNode(statement);
  if (kind !== "SelectStmt") throw reject("Only SELECT, WITH … SELECT and VALUES are allowed.");
  const reader = new Reader(rules);
  const resolved = resolveQuery(readQuery(reader, fields as Fields), rules, DIALECT);
  const parameters = Math.max(0, ...reader.parameters);
  if (parameters !== reader.parameters.size)
    throw reject(`The statement uses $${parameters}, but not all parameters before it.`);
  return { parameters, ...resolved };
}
