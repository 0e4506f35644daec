import type { DeletableColumn } from "./deletions.ts";

/**
 * Rows per table that are compared one by one; for more rows, the count and the sum of their `seq` are
 * compared.
 */
const COMPARED = 2_000;

/** Marks that distinguish two states of a row: every change of a versioned row increments its version. */
const MARKS = {
  contacts: "id || ' ' || version",
  deals: "id || ' ' || version",
  activities: "id",
  tasks: "id || ' ' || coalesce(done_at, '')",
} as const;

type Table = keyof typeof MARKS;

/** The tables whose rows refer to a record with this column. */
const TABLES: Readonly<Record<DeletableColumn, readonly Table[]>> = {
  company_id: ["contacts", "deals", "activities", "tasks"],
  contact_id: ["deals", "activities", "tasks"],
  deal_id: ["activities", "tasks"],
};

const OWN_TABLE = { company_id: "companies", contact_id: "contacts", deal_id: "deals" } as const;

/**
 * SQL expression for a text that identifies the state of records of one kind and their dependents, each row
 * with its version. Binds a JSON array of the records' ids as ?1. The text is not for display.
 */
export function printDependents(column: DeletableColumn): string {
  const own = OWN_TABLE[column];
  const ids = "(SELECT value FROM json_each(?1))";
  const records = `(SELECT json_group_array(id || ' ' || version) FROM
    (SELECT id, version FROM ${own} INDEXED BY sqlite_autoindex_${own}_1 WHERE id IN ${ids} ORDER BY id))`;
  const parts = TABLES[column].map((table) => {
    const rows = `FROM ${table} INDEXED BY ${table}_by_${column.slice(0, -3)} WHERE ${column} IN ${ids}`;
    return `(SELECT count(*) || ' ' || coalesce(sum(seq), 0) ${rows}), (SELECT json_group_array(mark) FROM
      (SELECT ${MARKS[table]} AS mark ${rows} ORDER BY seq LIMIT ${COMPARED}))`;
  });
  return `json_array(${[records, ...parts].join(", ")})`;
}

/** Reads {@link printDependents}. */
export async function readDependents(
  db: D1Database,
  column: DeletableColumn,
  ids: readonly string[],
): Promise<string> {
  const query = db.prepare(`SELECT ${printDependents(column)} AS print`).bind(JSON.stringify(ids));
  return (await query.first<string>("print")) ?? "";
}
