import type { Cursor } from "../cursor.ts";
import type { Reference } from "../query.ts";
import { forbid, quote } from "../refuse.ts";
import { CHARACTER_SET, UNITS } from "./words.ts";

/** Expressions with ASC or DESC. */
export function readOrder(cursor: Cursor): Reference[] {
  const members = cursor.list(() => {
    const references = cursor.expression();
    if (!cursor.takeWord("ASC")) cursor.takeWord("DESC");
    return references;
  });
  return members.flat();
}

/** `([name] [PARTITION BY …] [ORDER BY …] [frame])` */
export function readWindow(cursor: Cursor): Reference[] {
  return cursor.within(() => {
    if (cursor.isName() && !isFrame(cursor)) cursor.name();
    const references: Reference[] = [];
    if (cursor.takeWord("PARTITION", "BY")) references.push(...cursor.expressions());
    if (cursor.takeWord("ORDER", "BY")) references.push(...readOrder(cursor));
    if (!isFrame(cursor)) return references;
    cursor.next();
    if (!cursor.takeWord("BETWEEN")) return [...references, ...readBound(cursor)];
    references.push(...readBound(cursor));
    cursor.expectWord("AND");
    return [...references, ...readBound(cursor)];
  });
}

function isFrame(cursor: Cursor): boolean {
  return cursor.isWord("ROWS") || cursor.isWord("RANGE");
}

function readBound(cursor: Cursor): Reference[] {
  if (cursor.takeWord("CURRENT", "ROW")) return [];
  const references = cursor.takeWord("UNBOUNDED") ? [] : cursor.expression();
  if (!cursor.takeWord("PRECEDING")) cursor.expectWord("FOLLOWING");
  return references;
}

/** The unit of an interval. */
export function readUnit(cursor: Cursor): void {
  if (!UNITS.has(cursor.keyword())) throw cursor.unexpected("A unit such as DAY");
  cursor.next();
}

/** A character set or collation. */
export function readCharacterSet(cursor: Cursor): void {
  const { text, kind } = cursor.next();
  if (kind === "end" || !CHARACTER_SET.test(text))
    throw forbid(`The character set ${quote(text)} is not allowed here.`);
}
