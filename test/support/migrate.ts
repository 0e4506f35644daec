import { applyD1Migrations, type D1Migration } from "cloudflare:test";
import { env } from "cloudflare:workers";

/** Brings every database to its newest schema; runs once per test file, before its first test. */
export async function migrate(): Promise<void> {
  const migrations = (env as unknown as { TEST_MIGRATIONS: Record<string, D1Migration[]> }).TEST_MIGRATIONS;
  const databases = {
    platform: env.PLATFORM_DB,
    analytics: env.ANALYTICS_DB,
    crm: env.CRM_DB,
    knowledge: env.KNOWLEDGE_DB,
  };
  await Promise.all(
    Object.entries(databases).map(([name, database]) => applyD1Migrations(database, asOne(migrations[name]))),
  );
}

/** All migrations of a database as one: a transaction instead of one each. Which statements run, and in which order, stays. */
function asOne(migrations: readonly D1Migration[] = []): D1Migration[] {
  return [{ name: "all", queries: migrations.flatMap(({ queries }) => queries) }];
}

await migrate();
