import type { MysqlEntry } from "../../../shared/connections/kinds/mysql.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { matchExposed } from "../sql/expose.ts";
import type { CatalogueTable } from "../sql/operation.ts";

/** Runs a statement of ours. */
export type Ask = <Row>(sql: string) => Promise<Row[]>;

const SYSTEM = "('mysql', 'information_schema', 'performance_schema', 'sys')";

const TABLES = `
  SELECT TABLE_SCHEMA AS tableSchema, TABLE_NAME AS name, TABLE_TYPE AS type, TABLE_ROWS AS estimate, TABLE_COMMENT AS comment
    FROM information_schema.TABLES WHERE TABLE_SCHEMA NOT IN ${SYSTEM} ORDER BY 1, 2 LIMIT 3000`;

const COLUMNS = `
  SELECT TABLE_SCHEMA AS tableSchema, TABLE_NAME AS tableName, COLUMN_NAME AS name, COLUMN_TYPE AS type,
         IS_NULLABLE AS nullable, COLUMN_COMMENT AS comment
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA NOT IN ${SYSTEM}
   ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION LIMIT 60000`;

const KEYS = `
  SELECT k.TABLE_SCHEMA AS tableSchema, k.TABLE_NAME AS tableName, k.CONSTRAINT_NAME AS name, k.COLUMN_NAME AS col,
         k.REFERENCED_TABLE_NAME AS otherTable, k.REFERENCED_COLUMN_NAME AS otherColumn
    FROM information_schema.KEY_COLUMN_USAGE k WHERE k.TABLE_SCHEMA NOT IN ${SYSTEM}
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

/** The tables that the entry exposes and the account may read, as JSON of {@link CatalogueTable}. */
export async function readMysqlCatalogue(ask: Ask, { expose }: MysqlEntry): Promise<JsonValue> {
  const isExposed = matchExposed(expose);
  const tables = await ask<TableRow>(TABLES);
  const columns = await ask<ColumnRow>(COLUMNS);
  const keys = await ask<KeyRow>(KEYS);
  const answer = tables
    .filter(({ tableSchema, name }) => isExposed(`${tableSchema}.${name}`))
    .map(({ tableSchema, name, type, estimate, comment }): CatalogueTable => {
      const isOwn = (row: { tableSchema: string; tableName: string }) =>
        row.tableSchema === tableSchema && row.tableName === name;
      return {
        schema: tableSchema,
        name,
        kind: /view/i.test(type) ? "view" : "table",
        rows: estimate === null ? null : Number(estimate),
        // Views have the comment VIEW.
        comment: comment === "" || comment === "VIEW" ? null : comment,
        columns: columns.filter(isOwn).map((column) => ({
          name: column.name,
          type: column.type,
          required: column.nullable === "NO",
          comment: column.comment === "" ? null : column.comment,
        })),
        keys: describeKeys(keys.filter(isOwn)),
      };
    });
  return answer as unknown as JsonValue;
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
