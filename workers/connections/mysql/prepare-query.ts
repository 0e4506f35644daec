import { type NamedQuery, parametersOf } from "../../../shared/connections/kinds/sql.ts";
import { findNearMisses } from "../../../shared/text/near-misses.ts";
import type { PreparedQuery } from "../sql/check-queries.ts";

/** How a server is asked about a statement. */
export interface Preparing {
  /** Runs a statement of ours. */
  ask: <Row>(sql: string, values: string[]) => Promise<Row[]>;
  /** MariaDB has packages, and parameters with a default («CREATE PROCEDURE», 11.8). */
  isMaria: boolean;
  /** Has the server read a statement by the protocol, without running it, and tells the number of its parameters. */
  prepare: (sql: string) => Promise<number>;
}

/** Texts and quoted names, which may hold any word and sign. */
const QUOTED = /'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"|`(?:[^`]|``)*`/;
const COMMENT = /--[^\n]*(?:\n|$)|#[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\//;
const OPAQUE = new RegExp(`${QUOTED.source}|${COMMENT.source}`, "g");

const READS = /^\s*\(*\s*(?:SELECT|WITH|VALUES|TABLE|SHOW|DESCRIBE|DESC|EXPLAIN)\b/i;
const CHANGES = /\b(?:INSERT|UPDATE|DELETE|REPLACE)\b(?!\s*\()|\bLOCK\s+IN\s+SHARE\s+MODE\b/i;

const NAME = "(`(?:[^`]|``)+`|[\\w$]+)";
const CALL = new RegExp(
  `^\\s*CALL\\s+${NAME}(?:\\s*\\.\\s*${NAME})?\\s*(?:\\(([\\s\\S]*)\\))?\\s*;?\\s*$`,
  "i",
);

/** Procedures of a database of which one may be meant. */
const MOST_PROCEDURES = 1_000;

/** Has the server read one statement without running it. Rejects with the server's error. */
export async function prepareMysqlQuery(asking: Preparing, query: NamedQuery): Promise<PreparedQuery> {
  const { sql } = query;
  const parameters = await asking.prepare(sql);
  const bare = sql.replaceAll(OPAQUE, " ");
  const writes = !READS.test(bare) || CHANGES.test(bare);
  const mistake = await checkCall(asking, query);
  return { parameters, writes, ...(mistake !== null && { mistake }) };
}

interface Procedure {
  place: string;
  name: string;
}

interface ProcedureParameter {
  name: string;
  mode: string;
  type: string;
}

/** What is wrong with a call of a procedure, which the server looks up when it runs; `null` for every other statement. */
async function checkCall({ ask, isMaria }: Preparing, query: NamedQuery): Promise<string | null> {
  const plain = query.sql.replaceAll(OPAQUE, (part) => (/^['"`]/.test(part) ? part : " "));
  const [, first = "", second, given = ""] = CALL.exec(plain) ?? [];
  if (first === "") return null;
  const [database, name] = second === undefined ? ["", unquote(first)] : [unquote(first), unquote(second)];
  const [found] = await ask<Procedure>(`${PROCEDURES} AND LOWER(ROUTINE_NAME) = LOWER(?)`, [database, name]);
  if (found === undefined) return await describeMissing(ask, database, name);
  const takes = await ask<ProcedureParameter>(
    `SELECT PARAMETER_NAME AS name, PARAMETER_MODE AS mode, DATA_TYPE AS type FROM information_schema.PARAMETERS
      WHERE ROUTINE_TYPE = 'PROCEDURE' AND SPECIFIC_SCHEMA = ? AND SPECIFIC_NAME = ? AND ORDINAL_POSITION > 0
      ORDER BY ORDINAL_POSITION`,
    [found.place, found.name],
  );
  return checkArguments(query, { name, isMaria }, splitArguments(given), takes);
}

const PROCEDURES = `SELECT ROUTINE_SCHEMA AS place, ROUTINE_NAME AS name FROM information_schema.ROUTINES
  WHERE ROUTINE_TYPE = 'PROCEDURE' AND ROUTINE_SCHEMA = COALESCE(NULLIF(?, ''), DATABASE())`;

async function describeMissing(
  ask: Preparing["ask"],
  database: string,
  name: string,
): Promise<string | null> {
  if (database !== "") {
    const sql = "SELECT SCHEMA_NAME AS place FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?";
    // It may be a package, whose procedures the server does not list.
    if ((await ask(sql, [database])).length === 0) return null;
  }
  const known = await ask<Procedure>(`${PROCEDURES} LIMIT ${MOST_PROCEDURES}`, [database]);
  const [nearest] = findNearMisses(
    name,
    known.map((one) => one.name),
  );
  const hint = nearest === undefined ? "" : ` Did you mean "${nearest}"?`;
  return `There is no procedure ${name} that the account may call.${hint}`;
}

function checkArguments(
  query: NamedQuery,
  { name, isMaria }: { name: string; isMaria: boolean },
  given: readonly string[],
  takes: readonly ProcedureParameter[],
): string | null {
  if (isMaria ? given.length > takes.length : given.length !== takes.length)
    return `The procedure ${name} takes ${takes.length} argument${takes.length === 1 ? "" : "s"}, and the call gives ${given.length}.`;
  const declared = parametersOf(query);
  let at = 0;
  for (const [index, argument] of given.entries()) {
    const own = argument.replaceAll(OPAQUE, " ");
    const place = at;
    at += own.split("?").length - 1;
    const { name: parameter = "", type = "" } = takes[index] ?? {};
    if (own.trim() !== "?") continue;
    const written = query.parameters[declared[place] ?? ""]?.type;
    if (written !== undefined && !fits(written, type))
      return `The procedure ${name} takes ${type} for ${parameter}, and "${declared[place]}" is declared as ${written}.`;
  }
  return null;
}

const NUMBERS = /^(?:tinyint|smallint|mediumint|int|bigint|decimal|float|double|bit|year)$/;
const TIMES = /^(?:date|datetime|timestamp|time)$/;

/** Whether a value of a declared type is one of the procedure's. The server would make a zero, or refuse it, as it runs. */
function fits(written: NamedQuery["parameters"][string]["type"], type: string): boolean {
  const is = type.toLowerCase();
  if (written === "date" || written === "timestamp") return !NUMBERS.test(is);
  // Text is how a number is given exactly that is too large, or too long, for a number of JSON.
  if (written === "text") return !NUMBERS.test(is) || is === "bigint" || is === "decimal";
  return !TIMES.test(is);
}

/** The arguments of a call, as they are written. */
function splitArguments(text: string): string[] {
  if (text.trim() === "") return [];
  // Signs within texts and names are none.
  const bare = text.replaceAll(OPAQUE, (part) => "x".repeat(part.length));
  const found: string[] = [];
  let level = 0;
  let from = 0;
  for (let at = 0; at < bare.length; at += 1) {
    const sign = bare[at];
    if (sign === "(") level += 1;
    if (sign === ")") level -= 1;
    if (sign !== "," || level > 0) continue;
    found.push(text.slice(from, at));
    from = at + 1;
  }
  return [...found, text.slice(from)];
}

function unquote(name: string): string {
  return name.startsWith("`") ? name.slice(1, -1).replaceAll("``", "`") : name;
}
