import { readCount, readNames, readOutput } from "../clauses.ts";
import type { Cursor } from "../cursor.ts";
import type { CommonTable, Query, Reference, Select, Source, Values } from "../query.ts";
import { readOrder, readWindow } from "./read-clauses.ts";
import { readSources } from "./read-source.ts";

/** Reads a whole query with its set operations, ORDER BY and LIMIT. */
export function readQuery(cursor: Cursor): Query {
  return cursor.enter(() => {
    const names = readWith(cursor);
    const isInParentheses = cursor.isSymbol("(");
    const first = readTerm(cursor);
    const others: Query[] = [];
    while (["UNION", "EXCEPT", "INTERSECT"].includes(cursor.keyword())) {
      cursor.next();
      if (!cursor.takeWord("ALL")) cursor.takeWord("DISTINCT");
      others.push(readTerm(cursor));
    }
    // ORDER BY and LIMIT after the last term belong to the whole.
    const tail = readTail(cursor);
    if (others.length === 0 && !isInParentheses) return { ...names, body: first.body, tail };
    return { ...names, body: { kind: "set", terms: [first, ...others] }, tail };
  });
}

function readTerm(cursor: Cursor): Query {
  if (cursor.isSymbol("(")) return cursor.within(() => readQuery(cursor));
  const body = cursor.isWord("VALUES") ? readValues(cursor) : readSelect(cursor);
  return { commonTables: [], isRecursive: false, body, tail: [] };
}

function readWith(cursor: Cursor): { commonTables: CommonTable[]; isRecursive: boolean } {
  if (!cursor.takeWord("WITH")) return { commonTables: [], isRecursive: false };
  const isRecursive = cursor.takeWord("RECURSIVE");
  const commonTables = cursor.list(() => {
    const name = cursor.name();
    const columns = readNames(cursor);
    cursor.expectWord("AS");
    return { name, columns, query: cursor.within(() => readQuery(cursor)) };
  });
  return { commonTables, isRecursive };
}

function readValues(cursor: Cursor): Values {
  cursor.expectWord("VALUES");
  const rows = cursor.list(() => {
    cursor.takeWord("ROW");
    return cursor.within(() => cursor.list(() => cursor.expression()));
  });
  return { kind: "values", width: rows[0]?.length ?? 0, references: rows.flat(2) };
}

function readSelect(cursor: Cursor): Select {
  cursor.expectWord("SELECT");
  if (!["ALL", "DISTINCT", "DISTINCTROW"].some((word) => cursor.takeWord(word)))
    cursor.takeWord("SQL_NO_CACHE");
  const outputs = cursor.list(() => readOutput(cursor, readAlias));
  const sources: readonly Source[] = cursor.takeWord("FROM") ? readSources(cursor) : [];
  const conditions = cursor.takeWord("WHERE") ? cursor.expression() : [];
  const groups: Reference[] = [];
  if (cursor.takeWord("GROUP", "BY")) {
    groups.push(...readOrder(cursor));
    cursor.takeWord("WITH", "ROLLUP");
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

/** The alias of a column: a name, or a text that names it. */
function readAlias(cursor: Cursor): string | null {
  const isGiven = cursor.takeWord("AS");
  if (cursor.peek().kind === "text") return cursor.next().text;
  return isGiven || cursor.isName() ? cursor.name() : null;
}

/** ORDER BY, LIMIT, OFFSET and FETCH. */
function readTail(cursor: Cursor): Reference[] {
  const references = cursor.takeWord("ORDER", "BY") ? readOrder(cursor) : [];
  if (cursor.takeWord("LIMIT")) {
    readCount(cursor);
    if (cursor.takeSymbol(",") || cursor.takeWord("OFFSET")) readCount(cursor);
    return references;
  }
  if (cursor.takeWord("OFFSET")) {
    readCount(cursor);
    if (!cursor.takeWord("ROWS")) cursor.expectWord("ROW");
  }
  if (cursor.takeWord("FETCH")) {
    if (!cursor.takeWord("FIRST")) cursor.expectWord("NEXT");
    readCount(cursor);
    if (!cursor.takeWord("ROWS")) cursor.expectWord("ROW");
    if (!cursor.takeWord("ONLY")) cursor.expectWord("WITH", "TIES");
  }
  return references;
}
