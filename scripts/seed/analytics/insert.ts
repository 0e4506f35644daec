import { EVENT_COLUMNS } from "../../../workers/analytics/ingest/read-events.ts";
import type { ShopEvent } from "./events.ts";

/** Columns of `events` in the order of a row's array. */
export const SHOP_COLUMNS = ["id", ...EVENT_COLUMNS] as const;

/** Bytes of one JSON parameter, well below D1's two million. */
const BATCH_BYTES = 500_000;

/** Inserts events; triggers maintain the daily totals. */
export function insertEvents(db: D1Database, events: readonly ShopEvent[]): Promise<void> {
  const rows = events.map((event) => SHOP_COLUMNS.map((column) => event[column]));
  return insertRows(db, "events", SHOP_COLUMNS, rows);
}

/**
 * Inserts any number of rows. D1 binds at most 100 values per statement, so a batch of rows is one JSON
 * parameter. Table and columns are fixed names.
 */
export async function insertRows(
  db: D1Database,
  table: string,
  columns: readonly string[],
  rows: readonly (readonly (string | number | null)[])[],
): Promise<void> {
  const fields = columns.map((_, index) => `value ->> ${index}`).join(", ");
  const statement = db.prepare(
    `INSERT INTO ${table} (${columns.join(", ")}) SELECT ${fields} FROM json_each(?)`,
  );
  let batch: string[] = [];
  let size = 0;
  const flush = async () => {
    if (batch.length > 0) await statement.bind(`[${batch.join(",")}]`).run();
    batch = [];
    size = 0;
  };
  for (const row of rows) {
    const text = JSON.stringify(row);
    if (size + text.length > BATCH_BYTES) await flush();
    batch.push(text);
    size += text.length + 1;
  }
  await flush();
}
