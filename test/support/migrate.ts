import type { D1Migration } from "cloudflare:test";
import { env } from "cloudflare:workers";

/**
 * Migrates every database; runs once per test file, before its first test. Does not import `cloudflare:test`,
 * which loads the whole Worker, some seconds per file that many files do not need.
 */
async function migrate(): Promise<void> {
  const migrations = (env as unknown as { TEST_MIGRATIONS: Record<string, D1Migration[]> }).TEST_MIGRATIONS;
  const databases = env as unknown as Record<string, D1Database>;
  await Promise.all(
    Object.entries(migrations).map(async ([binding, files]) => {
      const database = databases[binding];
      if (database) await applyAll(database, files);
    }),
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
