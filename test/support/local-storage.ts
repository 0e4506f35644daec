import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { Script } from "../../scripts/local/command-line.ts";
import { openLocalDatabases } from "../../scripts/local/databases.ts";
import { applyMigrations, readMigrations } from "../../scripts/local/migrate.ts";
import { runNode } from "../../scripts/local/process.ts";
import { runCommand } from "./command-in-process.ts";

/** The storage of an installation that does not run, for the commands of `npm run`. */
export interface LocalStorage {
  /** Holds the storage, and whatever a test writes. */
  folder: string;
  /** Runs a command on this storage, and gives all that it printed. */
  run(script: Script, args: readonly string[]): Promise<{ code: number; output: string }>;
  /** Runs `npm run policy` on it, in a process: it loads the registry as a test's process cannot. */
  runPolicy(args: readonly string[]): Promise<{ code: number; output: string }>;
  /** Works with the migrated platform database; a command that runs meanwhile waits. */
  inPlatform<Result>(work: (database: D1Database) => Promise<Result>): Promise<Result>;
  remove(): Promise<void>;
}

/** Makes an empty storage with a migrated platform database. */
export async function makeLocalStorage(): Promise<LocalStorage> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-storage-test-"));
  const state = path.join(folder, "state");
  const storage: LocalStorage = {
    folder,
    async runPolicy(args) {
      const { code, stdout, stderr } = await runNode("scripts/policy.ts", [...args, "--state", state]);
      return { code, output: stdout + stderr };
    },
    run: (script, args) => runCommand(script, [...args, "--state", state]),
    async inPlatform(work) {
      const databases = await openLocalDatabases(state);
      try {
        const platform = databases.all.find(({ binding }) => binding === "PLATFORM_DB");
        if (!platform) throw new Error("There is no PLATFORM_DB.");
        await applyMigrations(platform.connection, await readMigrations(platform.migrationsFolder));
        return await work(platform.connection);
      } finally {
        await databases.close();
      }
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
  await storage.inPlatform(async () => undefined);
  return storage;
}
