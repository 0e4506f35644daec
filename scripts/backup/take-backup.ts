import { copyFile, mkdir, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { CommandFailure } from "../local/failure.ts";
import { describeFile, listFiles, MANIFEST, type Manifest } from "./manifest.ts";

/** Files that SQLite keeps next to a database; what they hold is in its copy. */
const BESIDES = /\.sqlite-(?:wal|shm|journal)$/;

/**
 * Copies the local storage into an empty folder: each SQLite database as of one moment, everything else file by file.
 * Nothing may run on the storage. Returns what the backup holds.
 *
 * @param storage - the folder `v3` of the local storage
 */
export async function takeBackup(storage: string, target: string, now: Date): Promise<Manifest> {
  if ((await readdir(target).catch(() => [])).length > 0)
    throw new CommandFailure(`${target} is not empty.`, "Name a new folder for each backup.");
  const files: Manifest["files"] = {};
  for (const file of await listFiles(storage)) {
    if (BESIDES.test(file)) continue;
    const copy = path.join(target, file);
    await mkdir(path.dirname(copy), { recursive: true });
    if (file.endsWith(".sqlite")) await copyDatabase(path.join(storage, file), copy);
    else await copyFile(path.join(storage, file), copy);
    files[file] = await describeFile(copy);
  }
  const manifest: Manifest = { version: 1, at: now.toISOString(), files };
  await writeFile(path.join(target, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

/** Page by page, with what a runtime that was killed left in the log of writes. */
async function copyDatabase(file: string, copy: string): Promise<void> {
  const database = new DatabaseSync(file);
  try {
    await backup(database, copy);
  } finally {
    database.close();
  }
}
