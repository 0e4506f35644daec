import { readdir } from "node:fs/promises";
import path from "node:path";
import { openLocalDatabases } from "../local/databases.ts";
import { applyMigrations, readMigrations } from "../local/migrate.ts";
import { ROOT } from "../local/root.ts";
import type { Check } from "./definition.ts";

/** Checks that migration files are numbered without gaps and apply in this sequence to an empty database. */
export const migrations: Check = {
  name: "migrations",
  ensures: "migrations are numbered and apply to empty databases",
  async run() {
    const databases = await openLocalDatabases(null);
    const findings: string[] = [];
    let count = 0;
    try {
      for (const { migrationsFolder, connection } of databases.all) {
        const folder = path.relative(ROOT, migrationsFolder).split(path.sep).join("/");
        const names = await readdir(migrationsFolder).catch(() => []);
        findings.push(...findNamingMistakes(folder, names));
        const files = await readMigrations(migrationsFolder);
        count += files.length;
        await applyMigrations(connection, files).catch((error: unknown) => {
          findings.push(`${folder} does not apply to an empty database: ${String(error)}`);
        });
      }
    } finally {
      await databases.close();
    }
    return { summary: `${count} files`, findings };
  },
};

/** Lists file names in the wrong sequence: `NNNN_what_it_does.sql`, from 0001, without gaps. */
export function findNamingMistakes(folder: string, names: readonly string[]): string[] {
  if (names.length === 0) return [`${folder} has no migrations.`];
  return [...names].sort().flatMap((name, index) => {
    if (!/^\d{4}_[a-z0-9_]+\.sql$/.test(name)) return [`${folder}/${name}: name it NNNN_what_it_does.sql.`];
    const expected = String(index + 1).padStart(4, "0");
    return name.startsWith(expected) ? [] : [`${folder}/${name}: the next number is ${expected}.`];
  });
}
