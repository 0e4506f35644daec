import path from "node:path";
import { readD1Migrations } from "@cloudflare/vitest-pool-workers";
import { readEnvironment } from "../../scripts/local/project.ts";
import { ROOT } from "../../scripts/local/root.ts";

type Migrations = Record<string, Awaited<ReturnType<typeof readD1Migrations>>>;

/** The migrations of each D1 database of the local environment, by its binding. */
export async function readMigrations(): Promise<Migrations> {
  const databases = readEnvironment("local").d1_databases;
  return Object.fromEntries(
    await Promise.all(
      databases.map(async ({ binding, migrations_dir = "migrations" }) => [
        binding,
        await readD1Migrations(path.join(ROOT, migrations_dir)),
      ]),
    ),
  );
}
