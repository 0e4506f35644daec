import type { Exposure } from "./expose.ts";
import type { CatalogueTable } from "./operation.ts";

/** Most tables of a catalogue, and most columns of all of them. */
export const MOST_TABLES = 3_000;
export const MOST_COLUMNS = 60_000;

/** Rows of one of our own questions about a server. `cut`: there are more, which were not read. */
export interface Part<Row> {
  rows: Row[];
  cut: boolean;
}

/** Runs a statement of ours. Rows by the names of their columns. */
export type Ask = <Row>(sql: string) => Promise<Part<Row>>;

/** The tables that an entry exposes, each with all of its columns. */
export interface Catalogue {
  tables: CatalogueTable[];
  /** Whether tables are missing, because a bound ended the reading before the database did. */
  cut: boolean;
}

/** How a server writes a text, and a pattern of LIKE in which a backslash takes the meaning from `%` and `_`. */
export interface LikeDialect {
  /** Whether a text takes a backslash for the start of an escape. */
  escapesTexts: boolean;
  /** Whether LIKE has no escape unless the statement names it. */
  namesEscape: boolean;
}

/**
 * The condition on the columns `schema` and `table` under which an entry may expose a table: a catalogue of another
 * application's thousand tables must not use up the bound. `except` and upper and lower case are left to
 * {@link matchExposed}.
 */
export function whereExposed(
  { tables }: Exposure,
  { schema, table }: { schema: string; table: string },
  dialect: LikeDialect,
): string {
  const conditions = tables.map((glob) => {
    const [first = "", second, ...rest] = glob.split(".");
    if (second === undefined || rest.length > 0)
      return like(`CONCAT(CONCAT(${schema}, '.'), ${table})`, glob, dialect);
    return `(${like(schema, first, dialect)} AND ${like(table, second, dialect)})`;
  });
  return `(${[...new Set(conditions)].join(" OR ")})`;
}

function like(column: string, glob: string, { escapesTexts, namesEscape }: LikeDialect): string {
  if (/^\*+$/.test(glob)) return "1 = 1";
  const write = (text: string) =>
    `'${(escapesTexts ? text.replaceAll("\\", "\\\\") : text).replaceAll("'", "''")}'`;
  if (!glob.includes("*")) return `${column} = ${write(glob)}`;
  const pattern = glob.replaceAll(/[\\%_]/g, "\\$&").replaceAll(/\*+/g, "%");
  return `${column} LIKE ${write(pattern)}${namesEscape ? " ESCAPE '\\'" : ""}`;
}

/** The first `most` rows of an answer. */
export function takeMost<Row>(rows: Row[], most: number): Part<Row> {
  return { rows: rows.slice(0, most), cut: rows.length > most };
}

/**
 * Leaves out each table of which not every column is known: the one at which the reading of columns was cut, and
 * those after it. With a part of its columns a table would pass for one that hides nothing.
 *
 * @param columns - in the sequence of their tables
 */
export function keepComplete<Column>(
  tables: Part<CatalogueTable>,
  columns: Part<Column>,
  isOf: (column: Column, table: CatalogueTable) => boolean,
): Catalogue {
  const last = columns.cut ? columns.rows.at(-1) : undefined;
  return {
    tables: tables.rows.filter(
      (table) => table.columns.length > 0 && !(last !== undefined && isOf(last, table)),
    ),
    cut: tables.cut || columns.cut,
  };
}
