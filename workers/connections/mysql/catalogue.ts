import type { MysqlEntry } from "../../../shared/connections/kinds/mysql.ts";
import { matchExposed } from "../sql/expose.ts";
import {
  type Catalogue,
  keepComplete,
  MOST_COLUMNS,
  MOST_TABLES,
  takeMost,
  whereExposed,
} from "../sql/exposed-catalogue.ts";
import type { CatalogueTable } from "../sql/operation.ts";
import { tablesOfViews, type ViewRow } from "./views.ts";

/** Runs a statement of ours. */
export type Ask = <Row>(sql: string) => Promise<Row[]>;

const SYSTEM = "('mysql', 'information_schema', 'performance_schema', 'sys')";

const tablesWhere = (exposed: string) => `
  SELECT TABLE_SCHEMA AS tableSchema, TABLE_NAME AS name, TABLE_TYPE AS type, TABLE_ROWS AS estimate, TABLE_COMMENT AS comment
    FROM information_schema.TABLES WHERE TABLE_SCHEMA NOT IN ${SYSTEM} AND ${exposed}
   ORDER BY 1, 2 LIMIT ${MOST_TABLES + 1}`;

const columnsWhere = (exposed: string) => `
  SELECT TABLE_SCHEMA AS tableSchema, TABLE_NAME AS tableName, COLUMN_NAME AS name, COLUMN_TYPE AS type,
         IS_NULLABLE AS nullable, COLUMN_COMMENT AS comment
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA NOT IN ${SYSTEM} AND ${exposed}
   ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION LIMIT ${MOST_COLUMNS + 1}`;

const viewsWhere = (exposed: string) => `
  SELECT TABLE_SCHEMA AS tableSchema, TABLE_NAME AS name, VIEW_DEFINITION AS definition
    FROM information_schema.VIEWS WHERE TABLE_SCHEMA NOT IN ${SYSTEM} AND ${exposed} LIMIT ${MOST_TABLES + 1}`;

const keysWhere = (exposed: string) => `
  SELECT k.TABLE_SCHEMA AS tableSchema, k.TABLE_NAME AS tableName, k.CONSTRAINT_NAME AS name, k.COLUMN_NAME AS col,
         k.REFERENCED_TABLE_NAME AS otherTable, k.REFERENCED_COLUMN_NAME AS otherColumn
    FROM information_schema.KEY_COLUMN_USAGE k WHERE k.TABLE_SCHEMA NOT IN ${SYSTEM} AND ${exposed}
   ORDER BY 1, 2, 3, k.ORDINAL_POSITION LIMIT 20000`;

interface TableRow {
  tableSchema: string;
  name: string;
  type: string;
  estimate: number | null;
  comment: string;
}

interface ColumnRow {
  tableSchema: string;
  tableName: string;
  name: string;
  type: string;
  nullable: string;
  comment: string;
}

interface KeyRow {
  tableSchema: string;
  tableName: string;
  name: string;
  col: string;
  otherTable: string | null;
  otherColumn: string | null;
}

/** The tables that the entry exposes and the account may read. */
export async function readMysqlCatalogue(ask: Ask, { expose }: MysqlEntry): Promise<Catalogue> {
  const isExposed = matchExposed(expose);
  const where = (of = "") =>
    whereExposed(
      expose,
      { schema: `${of}TABLE_SCHEMA`, table: `${of}TABLE_NAME` },
      { escapesTexts: true, namesEscape: false },
    );
  const found = takeMost(await ask<TableRow>(tablesWhere(where())), MOST_TABLES);
  const read = takeMost(await ask<ColumnRow>(columnsWhere(where())), MOST_COLUMNS);
  const pathOf = (row: { tableSchema: string; tableName: string }) =>
    JSON.stringify([row.tableSchema, row.tableName]);
  const columns = Map.groupBy(read.rows, pathOf);
  const keys = Map.groupBy(await ask<KeyRow>(keysWhere(where("k."))), pathOf);
  const views = tablesOfViews(await ask<ViewRow>(viewsWhere(where())), found.rows);
  const tables = found.rows
    .filter(({ tableSchema, name }) => isExposed(`${tableSchema}.${name}`))
    .map(({ tableSchema, name, type, estimate, comment }): CatalogueTable => {
      const path = pathOf({ tableSchema, tableName: name });
      return {
        schema: tableSchema,
        name,
        kind: /view/i.test(type) ? "view" : "table",
        rows: estimate === null ? null : Number(estimate),
        // Views have the comment VIEW.
        comment: comment === "" || comment === "VIEW" ? null : comment,
        columns: (columns.get(path) ?? []).map((column) => ({
          name: column.name,
          type: column.type,
          required: column.nullable === "NO",
          comment: column.comment === "" ? null : column.comment,
        })),
        keys: describeKeys(keys.get(path) ?? []),
        ...(/view/i.test(type) && { rowsOf: views.get(`${tableSchema}.${name}`) ?? null }),
      };
    });
  return keepComplete(
    { rows: tables, cut: found.cut },
    read,
    ({ tableSchema, tableName }, { schema, name }) => tableSchema === schema && tableName === name,
  );
}

function describeKeys(rows: readonly KeyRow[]): string[] {
  const byName = Map.groupBy(rows, ({ name }) => name);
  return [...byName].map(([name, parts]) => {
    const columns = parts.map(({ col }) => col).join(", ");
    const [first] = parts;
    if (first?.otherTable) {
      return `FOREIGN KEY (${columns}) REFERENCES ${first.otherTable}(${parts.map(({ otherColumn }) => otherColumn).join(", ")})`;
    }
    return name === "PRIMARY" ? `PRIMARY KEY (${columns})` : `UNIQUE (${columns})`;
  });
}
