import { reject } from "./refuse.ts";
import type { ExposedTable } from "./statement.ts";

/** How a dialect treats names. */
export interface Dialect {
  /** A name of a column in the form that is compared. */
  foldColumn(name: string): string;
  /** An alias in the form that some server compares: two that differ only in it are refused. */
  foldAlias(name: string): string;
  /** The name of a column of VALUES, counted from 0, or `null` where it has none that is certain. */
  nameValue(index: number): string | null;
  /** Whether a table's name stands for its row in an expression. */
  hasWholeRows: boolean;
  /** Whether `a.b` may be a column of that name, or a part of a column `a`, and not the column `b` of `a` alone. */
  hasCompoundColumns: boolean;
  /**
   * Whether only a whole member of ORDER BY may name an output, and no expression or subquery inside of it: elsewhere the server would take the
   * name for something else, such as a function that is called without parentheses.
   */
  ordersByOutputAlone: boolean;
}

export interface Column {
  name: string;
  hidden: boolean;
}

/** A table, subquery or function of FROM. */
export interface Relation {
  /** The name that qualifies its columns. */
  alias: string | null;
  /** The schema that may stand before the name, for a table without an alias. */
  schema: string | null;
  columns: readonly Column[];
  /** The exposed table that it is. */
  table: ExposedTable | null;
}

/** The tables of one query level, and the names of its outputs where a clause may use them. */
export interface Scope {
  relations: Relation[];
  outputs: ReadonlySet<string>;
  parent: Scope | null;
}

/** Adds relations to a scope; two with one name are refused, since a column would have two owners. */
export function addRelations(scope: Scope, added: readonly Relation[], dialect: Dialect): void {
  const fold = (alias: string | null) => alias && dialect.foldAlias(alias);
  for (const relation of added) {
    const twin = scope.relations.find(({ alias }) => alias !== null && fold(alias) === fold(relation.alias));
    if (twin)
      throw reject(`Two tables of FROM are called ${JSON.stringify(relation.alias)}. Give one an alias.`);
    scope.relations.push(relation);
  }
}

/**
 * The relations that `name` or `schema.name` may mean, from the inside out. Which one a server takes depends on
 * the clause: ON sees its own two tables and then those further out.
 */
export function findOwners(path: readonly string[], scope: Scope | null, dialect: Dialect): Relation[] {
  const [name, schema, ...rest] = [...path].reverse();
  if (name === undefined || rest.length > 0) return [];
  const found = relationsOf(scope).filter(
    ({ alias, schema: owner }) =>
      alias !== null &&
      dialect.foldAlias(alias) === dialect.foldAlias(name) &&
      (schema === undefined || owner === schema),
  );
  // A server that folds names takes another one than a server that does not.
  return found.every(({ alias }) => alias === name) ? found : [];
}

/**
 * The owner and the column of a reference. The column is `null` if the reference means a whole row. If clauses
 * or servers differ in what they would take, the hidden one is given, or `null` if one of them has no such column.
 */
export function findColumn(
  path: readonly string[],
  scope: Scope | null,
  dialect: Dialect,
  isWholeMember = false,
): { relation: Relation; column: Column | null } | "output" | null {
  const name = dialect.foldColumn(path.at(-1) ?? "");
  if (name === "") return null;
  const columnsOf = (relation: Relation) =>
    relation.columns
      .filter((column) => dialect.foldColumn(column.name) === name)
      .map((column) => ({ relation, column }));
  if (path.length > 1) {
    const owners = findOwners(path.slice(0, -1), scope, dialect).map(columnsOf);
    if (owners.some((columns) => columns.length === 0)) return null;
    return chooseHidden(owners.flat());
  }
  const rows = dialect.hasWholeRows ? findOwners(path, scope, dialect) : [];
  const hiddenRow = rows.find(({ columns }) => columns.some(({ hidden }) => hidden));
  const chosen = chooseHidden(relationsOf(scope).flatMap(columnsOf));
  if (chosen?.column.hidden) return chosen;
  if (hiddenRow) return { relation: hiddenRow, column: null };
  if (chosen) return chosen;
  if (dialect.ordersByOutputAlone) {
    if (isWholeMember && scope?.outputs.has(name)) return "output";
  } else for (let at = scope; at !== null; at = at.parent) if (at.outputs.has(name)) return "output";
  const [row] = rows;
  return row === undefined ? null : { relation: row, column: null };
}

function chooseHidden<T extends { column: Column }>(found: readonly T[]): T | null {
  return found.find(({ column }) => column.hidden) ?? found[0] ?? null;
}

function relationsOf(scope: Scope | null): Relation[] {
  return scope === null ? [] : [...scope.relations, ...relationsOf(scope.parent)];
}
