import type { ClickhouseEntry } from "../../../shared/connections/kinds/clickhouse.ts";
import { matchExposed } from "../sql/expose.ts";
import type { CatalogueTable } from "../sql/operation.ts";

/** Runs a statement of ours and gives its rows by column name. */
export type Ask = <Row>(sql: string) => Promise<Row[]>;

const SYSTEM = "('system', 'INFORMATION_SCHEMA', 'information_schema')";

const TABLES = `
  SELECT database, name, engine, total_rows, comment, primary_key FROM system.tables
   WHERE database NOT IN ${SYSTEM} AND NOT is_temporary ORDER BY database, name LIMIT 3000`;

const COLUMNS = `
  SELECT database, table, name, type, comment FROM system.columns
   WHERE database NOT IN ${SYSTEM} ORDER BY database, table, position LIMIT 60000`;

interface TableRow {
  database: string;
  name: string;
  engine: string;
  total_rows: number | null;
  comment: string;
  primary_key: string;
}

interface ColumnRow {
  database: string;
  table: string;
  name: string;
  type: string;
  comment: string;
}

/** The tables that the entry exposes and the account may read. */
export async function readClickhouseCatalogue(
  ask: Ask,
  { expose }: ClickhouseEntry,
): Promise<CatalogueTable[]> {
  const isExposed = matchExposed(expose);
  const tables = await ask<TableRow>(TABLES);
  const columns = Map.groupBy(await ask<ColumnRow>(COLUMNS), ({ database, table }) => `${database}.${table}`);
  return tables
    .filter(({ database, name }) => isExposed(`${database}.${name}`))
    .map(({ database, name, engine, total_rows: rows, comment, primary_key: key }) => ({
      schema: database,
      name,
      kind: /view/i.test(engine) ? "view" : "table",
      rows: rows === null ? null : Number(rows),
      comment: comment === "" ? null : comment,
      columns: (columns.get(`${database}.${name}`) ?? []).map((column) => ({
        name: column.name,
        type: column.type,
        required: !column.type.startsWith("Nullable("),
        comment: column.comment === "" ? null : column.comment,
      })),
      keys: key === "" ? [] : [`ORDER BY (${key})`],
    }));
}
