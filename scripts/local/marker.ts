/** Table in every local database, with its migrations and loads. Deployed databases never have it. */
const TABLE = "_gatehouse_local";

/** State of the loading of demonstration data. */
export type LoadState = "none" | "started" | "done";

/** Content of the local marker table of a database. */
export interface Marker {
  load: LoadState;
  /** The options of the last load, as text, such as `contacts=2000`. */
  options: string;
  /** Fingerprints of the applied migrations, by file name. */
  migrations: Record<string, string>;
}

/** Reads the marker; a new database returns `load: "none"`. */
export async function readMarker(database: D1Database): Promise<Marker> {
  await database
    .prepare(`CREATE TABLE IF NOT EXISTS ${TABLE} (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID`)
    .run();
  const { results } = await database
    .prepare(`SELECT key, value FROM ${TABLE}`)
    .all<{ key: string; value: string }>();
  const values = new Map(results.map(({ key, value }) => [key, value]));
  const load = values.get("load");
  return {
    load: load === "started" || load === "done" ? load : "none",
    options: values.get("options") ?? "",
    migrations: Object.fromEntries(
      [...values].flatMap(([key, value]) =>
        key.startsWith("migration:") ? [[key.slice("migration:".length), value]] : [],
      ),
    ),
  };
}

/** Writes rows of the marker in one transaction. */
export async function writeMarker(database: D1Database, rows: Record<string, string>): Promise<void> {
  const statement = database.prepare(`INSERT OR REPLACE INTO ${TABLE} (key, value) VALUES (?, ?)`);
  const writes = Object.entries(rows).map(([key, value]) => statement.bind(key, value));
  if (writes.length > 0) await database.batch(writes);
}

/**
 * Empties a database completely, including its bookkeeping. Virtual tables go first: their shadow tables
 * cannot be dropped separately and are dropped with them.
 */
export async function emptyDatabase(database: D1Database): Promise<void> {
  const list = () =>
    database
      .prepare(
        `SELECT type, name, sql FROM sqlite_master
          WHERE type IN ('view', 'table') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'`,
      )
      .all<{ type: string; name: string; sql: string | null }>();
  const { results } = await list();
  const virtual = results.filter(({ sql }) => /^CREATE VIRTUAL/i.test(sql ?? ""));
  for (const { name } of virtual) await database.prepare(`DROP TABLE ${quoteName(name)}`).run();
  const rest = (await list()).results;
  await database.batch([
    database.prepare("PRAGMA defer_foreign_keys = ON"),
    ...rest.map(({ type, name }) =>
      database.prepare(`DROP ${type === "view" ? "VIEW" : "TABLE"} ${quoteName(name)}`),
    ),
  ]);
}

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
