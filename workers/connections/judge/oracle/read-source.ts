import { readNames } from "../clauses.ts";
import type { Cursor } from "../cursor.ts";
import type { Source } from "../query.ts";
import { forbid, reject } from "../refuse.ts";

/** The table of one row. Its column is not offered: a table of the schema could have the same name. */
const DUAL = "DUAL";

/** Reads the members of FROM. */
export function readSources(cursor: Cursor): Source[] {
  return cursor.list(() => readJoined(cursor));
}

/** Whether a member of FROM is DUAL. */
export function isDual(source: Source): boolean {
  if (source.kind === "join") return isDual(source.left) || isDual(source.right);
  return source.kind === "function";
}

/** Whether a member of FROM is nothing but DUAL. */
export function isOnlyDual(source: Source): boolean {
  if (source.kind === "join") return isOnlyDual(source.left) && isOnlyDual(source.right);
  return source.kind === "function";
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
      const using = cursor.takeWord("USING") ? readNames(cursor) : [];
      const on = cursor.takeWord("ON") ? cursor.expression() : [];
      left = { kind: "join", left, right, isNatural, using, on };
    }
  });
}

function takeJoin(cursor: Cursor): boolean {
  if (cursor.takeWord("JOIN")) return true;
  if (cursor.takeOne("LEFT", "RIGHT", "FULL")) cursor.takeWord("OUTER");
  else if (!cursor.takeOne("INNER", "CROSS")) return false;
  cursor.expectWord("JOIN");
  return true;
}

function readSource(cursor: Cursor): Source {
  const isLateral = cursor.takeWord("LATERAL");
  if (cursor.isQuery()) {
    const query = cursor.within(() => cursor.query());
    return { kind: "query", query, isLateral, alias: readAlias(cursor), columns: [] };
  }
  if (isLateral) throw cursor.unexpected("A subquery");
  if (cursor.isSymbol("(")) return cursor.within(() => readJoined(cursor));
  const [first, second, ...rest] = cursor.path();
  if (first === undefined || rest.length > 0) throw reject("A table has at most a schema and a name.");
  if (cursor.isSymbol("(")) throw reject("Functions in FROM are not allowed: name a table.");
  const [schema, name] = second === undefined ? [null, first] : [first, second];
  const alias = readAlias(cursor);
  if (name === DUAL && (schema === null || schema === "SYS"))
    return { kind: "function", alias: alias ?? DUAL, columns: [], references: [] };
  return { kind: "table", schema, name, alias, columns: [] };
}

/** The alias of a table, which has no AS before it. */
function readAlias(cursor: Cursor): string | null {
  if (cursor.isWord("AS", "OF")) throw forbid("AS OF is not allowed: tables are read as they are now.");
  if (cursor.isWord("AS")) throw reject("Oracle takes no AS before the alias of a table: write `orders o`.");
  return cursor.isName() ? cursor.name() : null;
}
