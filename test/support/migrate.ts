import type { D1Migration } from "cloudflare:test";
import { env } from "cloudflare:workers";

/**
 * Migrates every database, empty before; runs once per test file, before its first test. Does not import `cloudflare:test`,
 * which loads the whole Worker, some seconds per file that many files do not need.
 */
async function migrate(): Promise<void> {
  const migrations = (env as unknown as { TEST_MIGRATIONS: Record<string, D1Migration[]> }).TEST_MIGRATIONS;
  const databases = env as unknown as Record<string, D1Database>;
  await Promise.all(
    Object.entries(migrations).map(async ([binding, files]) => {
      const database = databases[binding];
      if (!database) return;
      await empty(database);
      await applyAll(database, files);
    }),
  );
}

/** Drops what a test file before this one, in the same runtime, has left: what refers to a table before the table. */
async function empty(database: D1Database): Promise<void> {
  const { results } = await database
    .prepare(
      `SELECT part.type, part.name FROM sqlite_master part LEFT JOIN pragma_table_list kind USING (name)
       WHERE part.type IN ('table', 'view', 'trigger') AND coalesce(kind.type, '') <> 'shadow'
       AND part.name NOT LIKE 'sqlite_%' AND part.name NOT LIKE '_cf_%'
       ORDER BY part.type = 'trigger' DESC, part.type = 'view' DESC, kind.type = 'virtual' DESC, part.rowid DESC`,
    )
    .all<{ type: string; name: string }>();
  if (results.length === 0) return;
  const drops = results.map(({ type, name }) => `DROP ${type} "${name}"`);
  await database.batch(
    ["PRAGMA defer_foreign_keys = on", ...drops].map((statement) => database.prepare(statement)),
  );
}

/** As wrangler creates it: the Worker must not read it, which tests check. */
const JOURNAL = "CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE)";

/** All migrations of a database in one transaction, with their statements in the same order. */
async function applyAll(database: D1Database, migrations: readonly D1Migration[]): Promise<void> {
  const statements = [JOURNAL, ...migrations.flatMap(({ queries }) => queries)];
  await database.batch(statements.map((statement) => database.prepare(statement)));
}

await migrate();
