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

/**
 * From each table to those of which it gives rows: what a view reads, at any depth, and parents and children. `$1` are the
 * tables that the file classifies. What a function of a view reads is not known, unless it is of C, as those of
 * PostgreSQL and of extensions are.
 */
const rowsWhere = (exposed: string) => `
  WITH RECURSIVE walk (start, at, how) AS (
    SELECT c.oid, c.oid, 'read' FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE (c.relkind IN ('v', 'm') OR EXISTS (SELECT FROM pg_inherits WHERE c.oid IN (inhrelid, inhparent)))
       AND c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
       AND ${exposed}
    UNION
    SELECT w.start, e.other, e.how FROM walk w JOIN LATERAL (
      SELECT d.refobjid AS other, 'read' AS how
        FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
       WHERE w.how = 'read' AND r.ev_class = w.at AND r.ev_type = '1' AND d.refclassid = 'pg_class'::regclass
      UNION ALL SELECT inhparent, 'up' FROM pg_inherits WHERE inhrelid = w.at AND w.how IN ('read', 'up')
      UNION ALL SELECT inhrelid, 'down' FROM pg_inherits WHERE inhparent = w.at AND w.how IN ('read', 'down')
    ) e ON true
  )
  SELECT sn.nspname AS schema, s.relname AS name,
         array_agg(DISTINCT n.nspname || '.' || c.relname)
           FILTER (WHERE c.oid <> s.oid AND n.nspname || '.' || c.relname = ANY ($1::text[])) AS tables,
         bool_or(w.how = 'read' AND EXISTS (
           SELECT FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
             JOIN pg_proc p ON p.oid = d.refobjid JOIN pg_language l ON l.oid = p.prolang
            WHERE r.ev_class = w.at AND r.ev_type = '1' AND d.refclassid = 'pg_proc'::regclass
              AND l.lanname NOT IN ('internal', 'c'))) AS is_unknown
    FROM walk w JOIN pg_class s ON s.oid = w.start JOIN pg_namespace sn ON sn.oid = s.relnamespace
    JOIN pg_class c ON c.oid = w.at JOIN pg_namespace n ON n.oid = c.relnamespace
   GROUP BY sn.nspname, s.relname`;

interface RowsOf {
  schema: string;
  name: string;
  tables: string[] | null;
  is_unknown: boolean;
}

/** Every name of a table that the path of a classified column may begin with. */
function tablesIn(columns: PostgresqlEntry["columns"]): string[] {
  const names = Object.keys(columns).flatMap((path) => {
    const parts = path.split(".");
    return parts.slice(1).map((_, at) => parts.slice(0, at + 1).join("."));
  });
  return [...new Set(names)];
}

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
  { expose, columns: classified }: PostgresqlEntry,
): Promise<Catalogue> {
  const isExposed = matchExposed(expose);
  const where = whereExposed(
    expose,
    { schema: "n.nspname", table: "c.relname" },
    { escapesTexts: false, namesEscape: false },
  );
  const found = takeMost((await client.query<Row>(tablesWhere(where))).rows, MOST_TABLES);
  const others = (await client.query<RowsOf>(rowsWhere(where), [tablesIn(classified)])).rows;
  const rowsOf = new Map(
    others.map(({ schema, name, tables, is_unknown }) => [
      JSON.stringify([schema, name]),
      is_unknown ? null : (tables ?? undefined),
    ]),
  );
  const tables = found.rows
    .filter(({ schema, name }) => isExposed(`${schema}.${name}`))
    .map(({ schema, name, is_view, rows: estimate, comment, columns, keys }): CatalogueTable => {
      const given = rowsOf.get(JSON.stringify([schema, name]));
      return {
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
        ...(given !== undefined && { rowsOf: given }),
      };
    });
  // Each row brings all columns of its table.
  return keepComplete({ rows: tables, cut: found.cut }, { rows: [], cut: false }, () => false);
}
