import type { ClickhouseEntry } from "../../../shared/connections/kinds/clickhouse.ts";
import { matchExposed } from "../sql/expose.ts";
import {
  type Ask,
  type Catalogue,
  keepComplete,
  MOST_COLUMNS,
  MOST_TABLES,
  takeMost,
  whereExposed,
} from "../sql/exposed-catalogue.ts";
import type { CatalogueTable } from "../sql/operation.ts";

const SYSTEM = "('system', 'INFORMATION_SCHEMA', 'information_schema')";

const tablesWhere = (exposed: string) => `
  SELECT database, name, engine, total_rows, comment, primary_key FROM system.tables
   WHERE database NOT IN ${SYSTEM} AND NOT is_temporary AND ${exposed}
   ORDER BY database, name LIMIT ${MOST_TABLES + 1}`;

const columnsWhere = (exposed: string) => `
  SELECT database, table, name, type, comment FROM system.columns
   WHERE database NOT IN ${SYSTEM} AND ${exposed}
   ORDER BY database, table, position LIMIT ${MOST_COLUMNS + 1}`;

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

/** Whether a table gives rows of others, such as of those that a view reads. The server does not say of which. */
function givesOthers(engine: string, name: string): boolean {
  return /view|^(?:Merge|Distributed|Buffer|Dictionary|Alias)$/i.test(engine) || name.startsWith(".inner");
}

/** The tables that the entry exposes and the account may read. */
export async function readClickhouseCatalogue(ask: Ask, { expose }: ClickhouseEntry): Promise<Catalogue> {
  const isExposed = matchExposed(expose);
  const where = (table: string) =>
    whereExposed(expose, { schema: "database", table }, { escapesTexts: true, namesEscape: false });
  const found = await ask<TableRow>(tablesWhere(where("name")));
  const read = await ask<ColumnRow>(columnsWhere(where("table")));
  const columns = Map.groupBy(read.rows, ({ database, table }) => `${database}.${table}`);
  const most = takeMost(found.rows, MOST_TABLES);
  const tables = most.rows
    .filter(({ database, name }) => isExposed(`${database}.${name}`))
    .map(
      ({ database, name, engine, total_rows: rows, comment, primary_key: key }): CatalogueTable => ({
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
        ...(givesOthers(engine, name) && { rowsOf: null }),
        keys: key === "" ? [] : [`ORDER BY (${key})`],
      }),
    );
  return keepComplete(
    { rows: tables, cut: found.cut || most.cut },
    read,
    ({ database, table }, { schema, name }) => database === schema && table === name,
  );
}
