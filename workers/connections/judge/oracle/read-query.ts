import { readColumnAlias, readCount, readNames, readOutput } from "../clauses.ts";
import type { Cursor } from "../cursor.ts";
import type { CommonTable, Query, Reference, Select } from "../query.ts";
import { forbid, quote, reject } from "../refuse.ts";
import { readOrder } from "./read-call.ts";
import { isDual, isOnlyDual, readSources } from "./read-source.ts";

/** Reads a whole query with its set operations, ORDER BY and row limit. */
export function readQuery(cursor: Cursor): Query {
  return cursor.enter(() => {
    const commonTables = readWith(cursor);
    const isInParentheses = cursor.isSymbol("(");
    const first = readTerm(cursor);
    const others: Query[] = [];
    while (cursor.takeOne("UNION", "MINUS", "EXCEPT", "INTERSECT")) {
      cursor.takeWord("ALL");
      others.push(readTerm(cursor));
    }
    const tail = readTail(cursor);
    // A table of WITH that names itself is recursive without a word that says so.
    const names = { commonTables, isRecursive: true };
    if (others.length === 0 && !isInParentheses) return { ...names, body: first.body, tail };
    return { ...names, body: { kind: "set", terms: [first, ...others] }, tail };
  });
}

function readTerm(cursor: Cursor): Query {
  if (cursor.isSymbol("(")) return cursor.within(() => readQuery(cursor));
  return { commonTables: [], isRecursive: false, body: readSelect(cursor), tail: [] };
}

function readWith(cursor: Cursor): CommonTable[] {
  if (!cursor.takeWord("WITH")) return [];
  if (["FUNCTION", "PROCEDURE"].includes(cursor.keyword()))
    throw forbid("WITH FUNCTION and WITH PROCEDURE are not allowed: they bring code of their own.");
  return cursor.list(() => {
    const name = cursor.name();
    const columns = readNames(cursor);
    cursor.expectWord("AS");
    if (!cursor.isQuery()) throw reject("WITH takes name AS (SELECT …).");
    return { name, columns, query: cursor.within(() => readQuery(cursor)) };
  });
}

function readSelect(cursor: Cursor): Select {
  cursor.expectWord("SELECT");
  if (!cursor.takeOne("DISTINCT", "UNIQUE")) cursor.takeWord("ALL");
  const outputs = cursor.list(() => readOutput(cursor, readColumnAlias));
  const sources = cursor.takeWord("FROM") ? readSources(cursor) : [];
  if (outputs.some(({ kind }) => kind === "star") && sources.some(isDual))
    throw reject("`*` of DUAL is not allowed: name what you select.");
  const conditions = cursor.takeWord("WHERE") ? cursor.expression() : [];
  conditions.push(...readHierarchy(cursor));
  const groups: Reference[] = [];
  if (cursor.takeWord("GROUP", "BY")) groups.push(...readGroups(cursor));
  if (cursor.takeWord("HAVING")) groups.push(...cursor.expression());
  if (sources.length > 0 && sources.every(isOnlyDual)) {
    const all = outputs.flatMap((output) => (output.kind === "value" ? output.references : []));
    const column = [...all, ...conditions, ...groups].find(({ kind }) => kind === "column");
    if (column?.kind === "column")
      throw reject(
        `${quote(column.path.join("."))} could be a column of DUAL here: select it without FROM dual.`,
      );
  }
  return { kind: "select", sources, outputs, conditions, groups };
}

/** START WITH and CONNECT BY, in either sequence. */
function readHierarchy(cursor: Cursor): Reference[] {
  const references: Reference[] = [];
  for (let clause = 0; clause < 2; clause += 1) {
    if (cursor.takeWord("START", "WITH")) references.push(...cursor.expression());
    else if (cursor.takeWord("CONNECT", "BY")) {
      cursor.takeWord("NOCYCLE");
      references.push(...cursor.expression());
    }
  }
  return references;
}

/** Expressions, ROLLUP, CUBE and GROUPING SETS. */
function readGroups(cursor: Cursor): Reference[] {
  const members = cursor.list(() => {
    if (cursor.takeWord("GROUPING", "SETS")) return cursor.within(() => readGroups(cursor));
    const isGrouped = cursor.isSymbol("(", 1) && cursor.takeOne("ROLLUP", "CUBE");
    if (isGrouped) return cursor.within(() => readGroups(cursor));
    if (!(cursor.isSymbol("(") && cursor.isSymbol(")", 1))) return cursor.expression();
    return cursor.within(() => []);
  });
  return members.flat();
}

/** ORDER BY, OFFSET and FETCH. */
function readTail(cursor: Cursor): Reference[] {
  const references: Reference[] = [];
  if (cursor.takeWord("ORDER", "SIBLINGS", "BY") || cursor.takeWord("ORDER", "BY"))
    references.push(...readOrder(cursor, true));
  if (cursor.takeWord("OFFSET")) {
    readCount(cursor);
    cursor.expectOne("ROWS", "ROW");
  }
  if (cursor.takeWord("FETCH")) {
    cursor.expectOne("FIRST", "NEXT");
    if (!cursor.isWord("ROW") && !cursor.isWord("ROWS")) {
      readCount(cursor);
      cursor.takeWord("PERCENT");
    }
    cursor.expectOne("ROWS", "ROW");
    if (!cursor.takeWord("ONLY")) cursor.expectWord("WITH", "TIES");
  }
  if (cursor.isWord("LIMIT")) throw reject("Oracle has no LIMIT: write FETCH FIRST 10 ROWS ONLY.");
  return references;
}
