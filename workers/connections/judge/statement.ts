/** A table that the connection exposes, as the database names it. */
export interface ExposedTable {
  schema: string;
  name: string;
  /** All columns of the table, in its order: a `*` is judged by this list. */
  columns: readonly ExposedColumn[];
  /** Whether it is a view of which it is not known what it shows of columns that the role may not see. */
  isWithheld?: boolean;
}

/** `hidden`: the caller's role may not see it. */
export interface ExposedColumn {
  name: string;
  hidden: boolean;
}

/** What a statement may use. */
export interface StatementRules {
  tables: readonly ExposedTable[];
  /**
   * Schemas searched for a name without one, first first. The database must search the same schemas in the same
   * order, or the statement reads another table than the judged one.
   */
  searchPath: readonly string[];
  /** Further functions that the operator allows, lower case, optionally schema-qualified. */
  functions: readonly string[];
}

/** What a statement that may run uses. */
export interface JudgedStatement {
  /** How many parameters it takes: the highest `$n`, or the number of `?`. */
  parameters: number;
  tables: readonly { schema: string; name: string }[];
  /** Names of the answer's columns; `null` for one that the server names. */
  columns: readonly (string | null)[];
  /** Whether a `*` gives some of the columns. */
  hasStar: boolean;
}

/**
 * Judges one statement. Throws `ToolError("invalid_input" | "forbidden")` in our own words with the closest name
 * of a table, column or function. It bounds what a statement names, not what it costs: a recursive CTE, a cross
 * join or a long series passes, and the time limit of the server stops it.
 */
export type JudgeStatement = (sql: string, rules: StatementRules) => Promise<JudgedStatement>;
