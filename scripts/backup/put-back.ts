import { cp, mkdir, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { CommandFailure } from "../local/failure.ts";
import type { Manifest } from "./manifest.ts";

/** The parts of the storage that can be put back alone, by the folder that the emulator keeps each in. */
export const PARTS = { databases: "d1", objects: "do", kv: "kv", media: "r2" } as const;

/** Name of a part. */
export type Part = keyof typeof PARTS;

/**
 * Puts a backup in the place of the storage, or of some parts of it. Each part is copied first and then changed with the
 * old one at once: after an interruption, the same command goes on. Nothing may run on the storage.
 *
 * @param only - `null` for everything; what the backup does not have is removed
 */
export async function putBack(
  backup: string,
  { files }: Manifest,
  storage: string,
  only: readonly Part[] | null,
): Promise<string[]> {
  const held = [...new Set(Object.keys(files).map((file) => file.split("/")[0] ?? ""))].sort();
  const folders = only === null ? held : only.map((part) => PARTS[part]);
  const lacking = folders.find((folder) => !held.includes(folder));
  if (lacking !== undefined)
    throw new CommandFailure(
      `The backup has no ${lacking}.`,
      "Name parts that it has, or none for everything.",
    );
  await mkdir(storage, { recursive: true });
  for (const folder of folders) {
    const [place, fresh, old] = ["", ".restoring", ".replaced"].map((end) =>
      path.join(storage, folder + end),
    );
    if (place === undefined || fresh === undefined || old === undefined) continue;
    await rm(fresh, { recursive: true, force: true });
    await cp(path.join(backup, folder), fresh, { recursive: true });
    await rm(old, { recursive: true, force: true });
    await rename(place, old).catch((failure: NodeJS.ErrnoException) => {
      if (failure.code !== "ENOENT") throw failure;
    });
    await rename(fresh, place);
    await rm(old, { recursive: true, force: true });
  }
  if (only === null) {
    const others = (await readdir(storage)).filter((folder) => !folders.includes(folder));
    for (const folder of others) await rm(path.join(storage, folder), { recursive: true, force: true });
  }
  return folders;
}
