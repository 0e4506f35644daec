import { readNames } from "../clauses.ts";
import type { Cursor } from "../cursor.ts";
import type { Source } from "../query.ts";
import { reject } from "../refuse.ts";
import { readType } from "./read-call.ts";

/** Reads the members of FROM. */
export function readSources(cursor: Cursor): Source[] {
  if (cursor.takeWord("DUAL")) return [];
  return cursor.list(() => readJoined(cursor));
}

function readJoined(cursor: Cursor): Source {
  return cursor.enter(() => {
    let left = readSource(cursor);
    while (true) {
      const isNatural = cursor.takeWord("NATURAL");
      if (!takeJoin(cursor)) {
        if (isNatural) throw cursor.unexpected("JOIN");
        return left;
      }
      const right = readSource(cursor);
      const using = cursor.takeWord("USING") ? cursor.within(() => cursor.list(() => cursor.name())) : [];
      const on = cursor.takeWord("ON") ? cursor.expression() : [];
      left = { kind: "join", left, right, isNatural, using, on };
    }
  });
}

function takeJoin(cursor: Cursor): boolean {
  if (cursor.takeWord("STRAIGHT_JOIN") || cursor.takeWord("JOIN")) return true;
  if (cursor.takeWord("LEFT") || cursor.takeWord("RIGHT")) cursor.takeWord("OUTER");
  else if (!cursor.takeWord("INNER") && !cursor.takeWord("CROSS")) return false;
  cursor.expectWord("JOIN");
  return true;
}

function readSource(cursor: Cursor): Source {
  const isLateral = cursor.takeWord("LATERAL");
  if (cursor.isQuery()) {
    const query = cursor.within(() => cursor.query());
    return { kind: "query", query, isLateral, ...readAlias(cursor, true) };
  }
  if (isLateral) throw cursor.unexpected("A subquery");
  if (cursor.isSymbol("(")) return cursor.within(() => readGroup(cursor));
  if (cursor.isWord("JSON_TABLE")) return readJsonTable(cursor);
  const [first, second, ...rest] = cursor.path();
  if (first === undefined || rest.length > 0) throw reject("A table has at most a database and a name.");
  const [schema, name] = second === undefined ? [null, first] : [first, second];
  return { kind: "table", schema, name, ...readAlias(cursor, false) };
}

/** Tables in parentheses; a comma between them joins them. */
function readGroup(cursor: Cursor): Source {
  let left = readJoined(cursor);
  while (cursor.takeSymbol(","))
    left = { kind: "join", left, right: readJoined(cursor), isNatural: false, using: [], on: [] };
  return left;
}

function readAlias(cursor: Cursor, mayNameColumns: boolean): { alias: string | null; columns: string[] } {
  const isGiven = cursor.takeWord("AS");
  const alias = isGiven || cursor.isName() ? cursor.name() : null;
  return { alias, columns: mayNameColumns && alias !== null ? readNames(cursor) : [] };
}

function readJsonTable(cursor: Cursor): Source {
  cursor.expectWord("JSON_TABLE");
  const { references, columns } = cursor.within(() => {
    const read = cursor.expression();
    cursor.expectSymbol(",");
    readText(cursor);
    return { references: read, columns: readJsonColumns(cursor) };
  });
  const { alias } = readAlias(cursor, false);
  if (alias === null) throw cursor.unexpected("An alias of JSON_TABLE");
  return { kind: "function", alias, columns, references };
}

function readJsonColumns(cursor: Cursor): string[] {
  cursor.expectWord("COLUMNS");
  return cursor.within(() => cursor.list(() => readJsonColumn(cursor)).flat());
}

function readJsonColumn(cursor: Cursor): string[] {
  if (cursor.takeWord("NESTED")) {
    cursor.takeWord("PATH");
    readText(cursor);
    return readJsonColumns(cursor);
  }
  const name = cursor.name();
  if (cursor.takeWord("FOR", "ORDINALITY")) return [name];
  readType(cursor);
  cursor.takeWord("EXISTS");
  cursor.expectWord("PATH");
  readText(cursor);
  while (["NULL", "ERROR", "DEFAULT"].includes(cursor.keyword())) {
    if (cursor.next().text.toUpperCase() === "DEFAULT") readText(cursor);
    cursor.expectWord("ON");
    if (!cursor.takeWord("EMPTY")) cursor.expectWord("ERROR");
  }
  return [name];
}

function readText(cursor: Cursor): void {
  if (cursor.peek().kind !== "text") throw cursor.unexpected("A text");
  cursor.next();
}
