import type { OracleEntry } from "../../../shared/connections/kinds/oracle.ts";
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

const tablesWhere = (exposed: string) => `
  SELECT o.owner AS "owner", o.object_name AS "table", o.object_type AS "kind", t.num_rows AS "estimate",
         c.comments AS "comment"
    FROM all_objects o
    LEFT JOIN all_tables t ON t.owner = o.owner AND t.table_name = o.object_name
    LEFT JOIN all_tab_comments c ON c.owner = o.owner AND c.table_name = o.object_name
   WHERE o.object_type IN ('TABLE', 'VIEW') AND o.oracle_maintained = 'N' AND o.secondary = 'N'
     AND o.object_name NOT LIKE 'BIN$%' AND ${exposed}
   ORDER BY 1, 2 FETCH FIRST ${MOST_TABLES + 1} ROWS ONLY`;

/** Columns that `*` gives: an invisible column is none, and cannot be named. */
const columnsWhere = (exposed: string) => `
  SELECT l.owner AS "owner", l.table_name AS "table", l.column_name AS "name", l.data_type AS "type",
         l.char_length AS "length", l.data_precision AS "precision", l.data_scale AS "scale", l.nullable AS "nullable",
         c.comments AS "comment"
    FROM all_tab_columns l
    JOIN all_users u ON u.username = l.owner AND u.oracle_maintained = 'N'
    LEFT JOIN all_col_comments c
      ON c.owner = l.owner AND c.table_name = l.table_name AND c.column_name = l.column_name
   WHERE ${exposed}
   ORDER BY l.owner, l.table_name, l.column_id FETCH FIRST ${MOST_COLUMNS + 1} ROWS ONLY`;

const keysWhere = (exposed: string) => `
  SELECT c.owner AS "owner", c.table_name AS "table", c.constraint_name AS "name", c.constraint_type AS "kind",
         k.column_name AS "column", r.table_name AS "otherTable", r.column_name AS "otherColumn"
    FROM all_constraints c
    JOIN all_users u ON u.username = c.owner AND u.oracle_maintained = 'N'
    JOIN all_cons_columns k ON k.owner = c.owner AND k.constraint_name = c.constraint_name
    LEFT JOIN all_cons_columns r
      ON r.owner = c.r_owner AND r.constraint_name = c.r_constraint_name AND r.position = k.position
   WHERE c.constraint_type IN ('P', 'U', 'R') AND ${exposed}
   ORDER BY c.owner, c.table_name, c.constraint_name, k.position FETCH FIRST 20000 ROWS ONLY`;

interface OfTable {
  owner: string;
  table: string;
}

interface TableRow extends OfTable {
  kind: string;
  estimate: number | null;
  comment: string | null;
}

interface ColumnRow extends OfTable {
  name: string;
  type: string;
  length: number | null;
  precision: number | null;
  scale: number | null;
  nullable: "Y" | "N";
  comment: string | null;
}

interface KeyRow extends OfTable {
  name: string;
  kind: "P" | "U" | "R";
  column: string;
  otherTable: string | null;
  otherColumn: string | null;
}

/** The tables that the entry exposes and the account may read. */
export async function readOracleCatalogue(ask: Ask, { expose }: OracleEntry): Promise<Catalogue> {
  const isExposed = matchExposed(expose);
  const where = (schema: string, table: string) =>
    whereExposed(expose, { schema, table }, { escapesTexts: false, namesEscape: true });
  const found = await ask<TableRow>(tablesWhere(where("o.owner", "o.object_name")));
  const read = await ask<ColumnRow>(columnsWhere(where("l.owner", "l.table_name")));
  const own = await ask<KeyRow>(keysWhere(where("c.owner", "c.table_name")));
  const columns = Map.groupBy(read.rows, pathOf);
  const keys = Map.groupBy(own.rows, pathOf);
  const most = takeMost(found.rows, MOST_TABLES);
  const tables = most.rows
    .filter((table) => isExposed(`${table.owner}.${table.table}`))
    .map(
      (table): CatalogueTable => ({
        schema: table.owner,
        name: table.table,
        kind: table.kind === "VIEW" ? "view" : "table",
        ...(table.kind === "VIEW" && { rowsOf: null }),
        rows: table.estimate,
        comment: table.comment,
        columns: (columns.get(pathOf(table)) ?? []).map((column) => ({
          name: column.name,
          type: describeType(column),
          required: column.nullable === "N",
          comment: column.comment,
        })),
        keys: describeKeys(keys.get(pathOf(table)) ?? []),
      }),
    );
  return keepComplete(
    { rows: tables, cut: found.cut || most.cut },
    read,
    ({ owner, table }, { schema, name }) => owner === schema && table === name,
  );
}

function pathOf({ owner, table }: OfTable): string {
  return JSON.stringify([owner, table]);
}

function describeType({ type, length, precision, scale }: ColumnRow): string {
  if (type === "NUMBER" && precision !== null) return `NUMBER(${precision}${scale ? `,${scale}` : ""})`;
  return length ? `${type}(${length})` : type;
}

function describeKeys(rows: readonly KeyRow[]): string[] {
  return [...Map.groupBy(rows, ({ name }) => name).values()].map((parts) => {
    const columns = parts.map(({ column }) => column).join(", ");
    const [first] = parts;
    if (first?.kind === "P") return `PRIMARY KEY (${columns})`;
    if (first?.kind !== "R") return `UNIQUE (${columns})`;
    const others = parts.map(({ otherColumn }) => otherColumn ?? "?").join(", ");
    return `FOREIGN KEY (${columns}) REFERENCES ${first.otherTable ?? "?"}(${others})`;
  });
}
