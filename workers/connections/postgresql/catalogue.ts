import type { Client } from "pg";
import type { PostgresqlEntry } from "../../../shared/connections/kinds/postgresql.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { matchExposed } from "../sql/expose.ts";
import type { CatalogueTable } from "../sql/operation.ts";

/** Tables of a catalogue at most; a database with more is narrowed by `expose`. */
const MOST_TABLES = 3_000;

const TABLES = `
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
     AND has_any_column_privilege(c.oid, 'SELECT')
   ORDER BY n.nspname, c.relname LIMIT ${MOST_TABLES}`;

interface Row {
  schema: string;
  name: string;
  is_view: boolean;
  rows: number;
  comment: string | null;
  columns: [string, string, boolean, string | null][] | null;
  keys: string[] | null;
}

/** The tables that the entry exposes and the role may read, as JSON of {@link CatalogueTable}. */
export async function readCatalogue(client: Client, { expose }: PostgresqlEntry): Promise<JsonValue> {
  const isExposed = matchExposed(expose);
  const { rows } = await client.query<Row>(TABLES);
  const tables = rows
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
  return tables as unknown as JsonValue;
}
