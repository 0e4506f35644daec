import { readColumnAlias, readCount, readNames, readOutput } from "../clauses.ts";
import type { Cursor } from "../cursor.ts";
import type { CommonTable, Query, Reference, Select, Source } from "../query.ts";
import { reject } from "../refuse.ts";
import { readOrder, readWindow } from "./read-expression.ts";

/** Reads a whole query with its set operations, ORDER BY and LIMIT. */
export function readQuery(cursor: Cursor): Query {
  return cursor.enter(() => {
    const commonTables = readWith(cursor);
    const isInParentheses = cursor.isSymbol("(");
    const first = readTerm(cursor);
    const others: Query[] = [];
    while (cursor.takeOne("UNION", "EXCEPT", "INTERSECT")) {
      cursor.takeOne("ALL", "DISTINCT");
      others.push(readTerm(cursor));
    }
    const isSet = others.length > 0 || isInParentheses;
    if (!isSet) return { ...first, commonTables };
    return { commonTables, isRecursive: false, body: { kind: "set", terms: [first, ...others] }, tail: [] };
  });
}

/** ORDER BY and LIMIT belong to the term before them (ClickHouse, «UNION»). */
function readTerm(cursor: Cursor): Query {
  if (cursor.isSymbol("(")) return cursor.within(() => readQuery(cursor));
  const body = readSelect(cursor);
  return { commonTables: [], isRecursive: false, body, tail: readTail(cursor) };
}

function readWith(cursor: Cursor): CommonTable[] {
  if (!cursor.takeWord("WITH")) return [];
  return cursor.list(() => {
    const name = cursor.name();
    cursor.expectWord("AS");
    if (!cursor.isQuery()) throw reject("WITH takes name AS (SELECT …).");
    return { name, columns: [], query: cursor.within(() => readQuery(cursor)) };
  });
}

function readSelect(cursor: Cursor): Select {
  cursor.expectWord("SELECT");
  cursor.takeWord("DISTINCT");
  const outputs = cursor.list(() => readOutput(cursor, readColumnAlias));
  const sources = cursor.takeWord("FROM") ? readSources(cursor) : [];
  const conditions = cursor.takeWord("WHERE") ? cursor.expression() : [];
  const groups: Reference[] = [];
  if (cursor.takeWord("GROUP", "BY")) {
    groups.push(...cursor.expressions());
    if (cursor.takeWord("WITH") && !cursor.takeOne("TOTALS", "ROLLUP", "CUBE"))
      throw cursor.unexpected("TOTALS, ROLLUP or CUBE");
  }
  if (cursor.takeWord("HAVING")) groups.push(...cursor.expression());
  if (cursor.takeWord("WINDOW")) {
    const windows = cursor.list(() => {
      cursor.name();
      cursor.expectWord("AS");
      return readWindow(cursor);
    });
    groups.push(...windows.flat());
  }
  return { kind: "select", sources, outputs, conditions, groups };
}

function readSources(cursor: Cursor): Source[] {
  return cursor.list(() => {
    let left = readSource(cursor);
    while (takeJoin(cursor)) {
      const right = readSource(cursor);
      const on = cursor.takeWord("ON") ? cursor.expression() : [];
      const using = cursor.takeWord("USING") ? readUsing(cursor) : [];
      left = { kind: "join", left, right, isNatural: false, using, on };
    }
    return left;
  });
}

function readUsing(cursor: Cursor): string[] {
  return cursor.isSymbol("(") ? readNames(cursor) : cursor.list(() => cursor.name());
}

/** `[ANY|ALL|ASOF|SEMI|ANTI] [INNER|LEFT|RIGHT|FULL|CROSS] [OUTER|…] JOIN`, in either sequence. */
function takeJoin(cursor: Cursor): boolean {
  const words = ["ANY", "ALL", "ASOF", "SEMI", "ANTI", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "OUTER"];
  let offset = 0;
  while (words.includes(cursor.keyword(offset))) offset += 1;
  if (offset > 3 || cursor.keyword(offset) !== "JOIN") return false;
  for (let read = 0; read <= offset; read += 1) cursor.next();
  return true;
}

/** A table or a subquery. A function in FROM reads files, other servers or the system: none is allowed. */
function readSource(cursor: Cursor): Source {
  if (cursor.isQuery()) {
    const query = cursor.within(() => readQuery(cursor));
    return { kind: "query", query, isLateral: false, alias: readColumnAlias(cursor), columns: [] };
  }
  const [first, second, ...rest] = cursor.path();
  if (first === undefined || rest.length > 0) throw reject("A table has at most a database and a name.");
  if (cursor.isSymbol("(")) throw reject("Functions in FROM are not allowed: name a table.");
  const [schema, name] = second === undefined ? [null, first] : [first, second];
  const alias = readColumnAlias(cursor);
  cursor.takeWord("FINAL");
  return { kind: "table", schema, name, alias, columns: [] };
}

/** ORDER BY, LIMIT n [BY …], LIMIT m, n and OFFSET. */
function readTail(cursor: Cursor): Reference[] {
  const references = cursor.takeWord("ORDER", "BY") ? readOrder(cursor) : [];
  while (cursor.takeWord("LIMIT")) {
    readCount(cursor);
    if (cursor.takeSymbol(",") || cursor.takeWord("OFFSET")) readCount(cursor);
    if (cursor.takeWord("BY")) references.push(...cursor.expressions());
  }
  if (cursor.takeWord("OFFSET")) readCount(cursor);
  return references;
}
