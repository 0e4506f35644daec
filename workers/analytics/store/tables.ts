import { OFFERED_TABLES } from "../schema.ts";
import type { Instruction } from "../sql/program.ts";
import type { Reader } from "./reader.ts";

/** Schema of the offered tables for proofs and hints; cheap, and constant until a migration. */
export interface Catalogue {
  /** Columns by table. */
  columns: Map<string, string[]>;
  /** Root pages of the tables and their indexes. */
  roots: Set<number>;
  /** `p4` of `VOpen` for json_each and json_tree on this connection. */
  virtualTables: Set<string>;
  /** Rows by table, or an upper bound that is cheap to read. */
  rows: Map<string, number>;
}

const NAMES = JSON.stringify(OFFERED_TABLES.map(({ name }) => name));

/**
 * Statements for {@link readCatalogue}. Send them in one batch with the statement to prove, so that both see
 * the same schema on the same connection.
 */
export function prepareCatalogue(db: Reader): D1PreparedStatement[] {
  const offered = "SELECT value FROM json_each(?)";
  return [
    db
      .prepare(`SELECT rootpage FROM sqlite_master WHERE tbl_name IN (${offered}) AND rootpage > 0`)
      .bind(NAMES),
    db
      .prepare(
        `SELECT list.value AS tbl, col.name AS name FROM json_each(?) AS list, pragma_table_info(list.value) AS col
         ORDER BY list.key, col.cid`,
      )
      .bind(NAMES),
    db.prepare("EXPLAIN SELECT 1 FROM json_each('[]'), json_tree('[]')"),
    db.prepare("SELECT coalesce(max(id), 0) AS size FROM events"),
  ];
}

/** Reads the results of {@link prepareCatalogue}, in the same order. */
export function readCatalogue(results: readonly D1Result[]): Catalogue {
  const [roots, columns, probe, sizes] = results.map(
    ({ results: rows }) => rows as Record<string, unknown>[],
  );
  // The highest id is an upper bound: event ids increase, and no table of sums has more rows than there are
  // events.
  const events = Number(sizes?.[0]?.size ?? 0);
  const byTable = new Map<string, string[]>();
  for (const { tbl, name } of columns ?? []) {
    byTable.set(String(tbl), [...(byTable.get(String(tbl)) ?? []), String(name)]);
  }
  const opened =
    (probe as unknown as Instruction[] | undefined)?.filter(({ opcode }) => opcode === "VOpen") ?? [];
  return {
    columns: byTable,
    roots: new Set((roots ?? []).map(({ rootpage }) => Number(rootpage))),
    virtualTables: new Set(opened.map(({ p4 }) => String(p4))),
    rows: new Map(OFFERED_TABLES.map(({ name, size }) => [name, size === "events" ? events : size])),
  };
}

/**
 * Declared columns of a table: name and SQL type, in their sequence. The name must be one of the offered
 * tables.
 */
export async function listColumns(db: Reader, table: string): Promise<{ name: string; type: string }[]> {
  const { results } = await db
    .prepare("SELECT name, type FROM pragma_table_info(?) ORDER BY cid")
    .bind(table)
    .all<{ name: string; type: string }>();
  return results;
}
