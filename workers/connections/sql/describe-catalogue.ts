import type { CatalogueTable } from "./operation.ts";

/** What decides whether a column is shown as usable. */
interface Sight {
  isHidden(column: string): boolean;
}

/** A table as `search_objects` shows it. */
export interface ShownTable {
  table: string;
  kind: CatalogueTable["kind"];
  rows?: number;
  about?: string;
  columns?: string[];
  keys?: string[];
}

/** Tables with more columns than this are listed without them, unless the table itself is asked for. */
const MANY_COLUMNS = 40;

/** Tables whose names, comments or columns hold every word, best first. Without words every table, by name only. */
export function findTables(tables: readonly CatalogueTable[], words: string, sight: Sight): ShownTable[] {
  const wanted = words
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((word) => word !== "");
  if (wanted.length === 0) return tables.map((table) => nameTable(table));
  return tables
    .map((table) => ({ table, score: scoreOf(table, wanted) }))
    .filter(({ score }) => score > 0)
    .sort((one, other) => other.score - one.score)
    .map(({ table }) =>
      table.columns.length > MANY_COLUMNS ? nameTable(table) : describeTable(table, sight),
    );
}

/** One table with all columns and keys. */
export function describeTable(table: CatalogueTable, sight: Sight): ShownTable {
  const path = `${table.schema}.${table.name}`;
  const columns = table.columns.map(({ name, type, required, comment }) => {
    const notes = [
      ...(required ? ["not null"] : []),
      ...(sight.isHidden(`${path}.${name}`) ? ["not for your role"] : []),
      ...(comment === null ? [] : [comment.slice(0, 120)]),
    ];
    return [`${name} ${type}`, ...notes].join(", ");
  });
  return { ...nameTable(table), columns, ...(table.keys.length > 0 && { keys: table.keys }) };
}

function nameTable({ schema, name, kind, rows, comment }: CatalogueTable): ShownTable {
  return {
    table: `${schema}.${name}`,
    kind,
    ...(rows !== null && { rows }),
    ...(comment !== null && { about: comment.slice(0, 200) }),
  };
}

/** 0 unless every word is found; a word of the name counts most. */
function scoreOf({ schema, name, comment, columns }: CatalogueTable, wanted: readonly string[]): number {
  const own = `${schema}.${name} ${comment ?? ""}`.toLowerCase();
  const inside = columns.map((column) => `${column.name} ${column.comment ?? ""}`.toLowerCase()).join(" ");
  let score = 0;
  for (const word of wanted) {
    // "orders" finds "order" and the reverse.
    const stem = word.length > 3 ? word.replace(/(e?s|y|ies)$/, "") : word;
    if (own.includes(stem)) score += 3;
    else if (inside.includes(stem)) score += 1;
    else return 0;
  }
  return score;
}
