import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

/** One migration file. */
export interface Migration {
  /** The file name, which is also its key in `d1_migrations`. */
  name: string;
  sql: string;
  /** SHA-256 of `sql`, hexadecimal. */
  fingerprint: string;
}

/** Reads a folder's migrations in their sequence. A missing folder has none. */
export async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(".sql")).sort();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(path.join(folder, name), "utf8");
      return { name, sql, fingerprint: createHash("sha256").update(sql).digest("hex") };
    }),
  );
}

/**
 * Applies missing migrations and returns their names. Each file is one transaction together with its row in
 * `d1_migrations`, the table of `wrangler d1 migrations apply`, so that either tool can continue after the
 * other.
 */
export async function applyMigrations(
  database: D1Database,
  migrations: readonly Migration[],
): Promise<string[]> {
  await database
    .prepare(
      `CREATE TABLE IF NOT EXISTS d1_migrations(
         id INTEGER PRIMARY KEY AUTOINCREMENT,
         name TEXT UNIQUE,
         applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
       )`,
    )
    .run();
  const { results } = await database.prepare("SELECT name FROM d1_migrations").all<{ name: string }>();
  const applied = new Set(results.map((row) => row.name));
  const missing = migrations.filter(({ name }) => !applied.has(name));
  if (missing.length === 0) return [];
  // Loaded here, as in readEnvironment.
  const { unstable_splitSqlQuery: splitSqlQuery } = await import("wrangler");
  for (const migration of missing) {
    const statements = splitSqlQuery(migration.sql).map((statement) => database.prepare(statement));
    const record = database.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(migration.name);
    await database.batch([...statements, record]);
  }
  return missing.map(({ name }) => name);
}
