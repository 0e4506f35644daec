import type { StatementRules } from "../judge/statement.ts";
import type { ColumnSight } from "./column-sight.ts";
import type { SqlEntry } from "./handle.ts";
import type { CatalogueTable } from "./operation.ts";

/** What a statement may use; everything that the connection exposes without a sight. */
export function statementRules(
  entry: SqlEntry,
  tables: readonly CatalogueTable[],
  sight: ColumnSight | null,
): StatementRules {
  return {
    tables: tables.map((table) => ({
      schema: table.schema,
      name: table.name,
      isWithheld: sight?.isWithheld(table) ?? false,
      columns: table.columns.map(({ name }) => ({
        name,
        hidden: sight?.isHidden(`${table.schema}.${table.name}.${name}`) ?? false,
      })),
    })),
    searchPath: searchPathOf(entry, tables),
    functions: entry.functions,
  };
}

/** One schema: `public`, or the first that is exposed. Tables of others are named with theirs. */
export function searchPathOf({ reach, kind }: SqlEntry, tables: readonly CatalogueTable[]): string[] {
  if (kind !== "postgresql" && "database" in reach) return [reach.database];
  const schemas = tables.map(({ schema }) => schema);
  return schemas.includes("public") ? ["public"] : schemas.slice(0, 1);
}

/** A search path as PostgreSQL's setting `search_path` writes it. */
export function writeSearchPath(schemas: readonly string[]): string {
  return schemas.map((schema) => `"${schema.replaceAll('"', '""')}"`).join(", ") || '""';
}
