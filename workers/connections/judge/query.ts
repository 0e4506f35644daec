/**
 * What a query refers to, the same for every dialect. A dialect's reader turns its syntax into this form and
 * refuses everything else; `resolve.ts` decides on tables and columns. Operators, literals and functions are
 * judged by the reader and leave only the references inside of them.
 */
export interface Query {
  commonTables: readonly CommonTable[];
  isRecursive: boolean;
  body: Select | SetOperation | Values;
  /** References of ORDER BY and LIMIT. */
  tail: readonly Reference[];
}

/** One member of WITH. */
export interface CommonTable {
  name: string;
  columns: readonly string[];
  query: Query;
}

export interface Select {
  kind: "select";
  sources: readonly Source[];
  outputs: readonly Output[];
  /** References of WHERE. */
  conditions: readonly Reference[];
  /** References of clauses that may name an output: GROUP BY, HAVING, WINDOW, DISTINCT ON. */
  groups: readonly Reference[];
}

/** UNION, EXCEPT and INTERSECT of terms, or one term in parentheses. The first term names the columns. */
export interface SetOperation {
  kind: "set";
  terms: readonly [Query, ...Query[]];
}

export interface Values {
  kind: "values";
  /** Columns of a row. */
  width: number;
  references: readonly Reference[];
}

/** A member of the select list. A value without a name cannot be referred to from outside. */
export type Output =
  | { kind: "star"; qualifier: readonly string[] }
  | { kind: "value"; name: string | null; references: readonly Reference[] };

/** A member of FROM. */
export type Source =
  | { kind: "table"; schema: string | null; name: string; alias: string | null; columns: readonly string[] }
  | { kind: "query"; query: Query; isLateral: boolean; alias: string | null; columns: readonly string[] }
  /** A set-returning function with the names of all its columns. */
  | { kind: "function"; alias: string; columns: readonly string[]; references: readonly Reference[] }
  | Join;

export interface Join {
  kind: "join";
  left: Source;
  right: Source;
  isNatural: boolean;
  using: readonly string[];
  on: readonly Reference[];
}

/** A column, table-qualified or not; every column of a table (`c.*` inside of an expression); or a subquery. */
export type Reference =
  | {
      kind: "column";
      path: readonly string[];
      /** Whether it is a member of ORDER BY by itself, and not a part of an expression. */
      isWholeMember?: true;
    }
  | { kind: "star"; path: readonly string[] }
  | { kind: "query"; query: Query };
