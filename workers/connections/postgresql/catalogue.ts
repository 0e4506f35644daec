import type { Client } from "pg";
import type { PostgresqlEntry } from "../../../shared/connections/kinds/postgresql.ts";
import { matchExposed } from "../sql/expose.ts";
import {
  type Catalogue,
  keepComplete,
  MOST_TABLES,
  takeMost,
  whereExposed,
} from "../sql/exposed-catalogue.ts";
import type { CatalogueTable } from "../sql/operation.ts";

const tablesWhere = (exposed: string) => `
  SELECT n.nspname AS schema, c.relname AS name, c.relkind IN ('v', 'm') AS is_view, c.reltuples::float8 AS rows,
         obj_description(c.oid, 'pg_class') AS comment,
         (SELECT json_agg(json_build_array(a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                                           col_description(c.oid, a.attnum)) ORDER BY a.attnum)
            FROM pg_attribute a
           WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             AND has_column_privilege(c.oid, a.attnum, 'SELECT')) AS columns,
         (SELECT json_agg(pg_get_constraintdef(k.oid) ORDER BY k.contype DESC, k.conname)
            FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype IN ('p', 'f', 'u')) AS keys
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
     AND n.nspname NOT LIKE 'pg\\_%' AND has_schema_privilege(n.oid, 'USAGE')
     AND has_any_column_privilege(c.oid, 'SELECT') AND ${exposed}
   ORDER BY n.nspname, c.relname LIMIT ${MOST_TABLES + 1}`;

interface Row {
  schema: string;
  name: string;
  is_view: boolean;
  rows: number;
  comment: string | null;
  columns: [string, string, boolean, string | null][] | null;
  keys: string[] | null;
}

/** The tables that the entry exposes and the role may read. */
export async function readCatalogue(
  client: Pick<Client, "query">,
  { expose }: PostgresqlEntry,
): Promise<Catalogue> {
  const isExposed = matchExposed(expose);
  const where = whereExposed(
    expose,
    { schema: "n.nspname", table: "c.relname" },
    { escapesTexts: false, namesEscape: false },
  );
  const found = takeMost((await client.query<Row>(tablesWhere(where))).rows, MOST_TABLES);
  const tables = found.rows
    .filter(({ schema, name }) => isExposed(`${schema}.${name}`))
    .map(
      ({ schema, name, is_view, rows: estimate, comment, columns, keys }): CatalogueTable => ({
        schema,
        name,
        kind: is_view ? "view" : "table",
        rows: estimate < 0 ? null : estimate,
        comment,
        columns: (columns ?? []).map(([column, type, required, about]) => ({
          name: column,
          type,
          required,
          comment: about,
        })),
        keys: keys ?? [],
      }),
    );
  // Each row brings all columns of its table.
  return keepComplete({ rows: tables, cut: found.cut }, { rows: [], cut: false }, () => false);
}
