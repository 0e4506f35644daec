import type { D1Migration } from "cloudflare:test";
import { env } from "cloudflare:workers";

/**
 * Brings every database to its newest schema; runs once per test file, before its first test. Nothing of `cloudflare:test`
 * is loaded for it: that brings the whole Worker along, some seconds a file, which many files need for nothing.
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

/** As wrangler makes it: nobody but wrangler may see it, which tests ask for. */
const JOURNAL = "CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE)";

/** All migrations of a database in one transaction. Which statements run, and in which order, stays. */
async function applyAll(database: D1Database, migrations: readonly D1Migration[]): Promise<void> {
  const statements = [JOURNAL, ...migrations.flatMap(({ queries }) => queries)];
  await database.batch(statements.map((statement) => database.prepare(statement)));
}

await migrate();
