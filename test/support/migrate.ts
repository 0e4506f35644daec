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
  for (const [name, database] of Object.entries(databases)) {
    await applyD1Migrations(database, migrations[name] ?? []);
  }
}

await migrate();
