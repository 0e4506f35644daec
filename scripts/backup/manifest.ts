import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { CommandFailure } from "../local/failure.ts";

/** The file of a backup that says what else it holds. It is written last. */
export const MANIFEST = "manifest.json";

const FILE = z.object({ bytes: z.int(), sha256: z.string().regex(/^[0-9a-f]{64}$/) });
const FORM = z.object({ version: z.literal(1), at: z.iso.datetime(), files: z.record(z.string(), FILE) });

/** What a backup holds, by path below its folder. */
export type Manifest = z.infer<typeof FORM>;

/** Paths of all files below a folder, with `/`, in the order of their names. A folder that is not there has none. */
export async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join("/"))
    .sort();
}

/** Size and SHA-256 of a file. */
export async function describeFile(file: string): Promise<Manifest["files"][string]> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return { bytes: (await stat(file)).size, sha256: hash.digest("hex") };
}

/**
 * Reads the manifest of a backup and compares every file with it. Throws a {@link CommandFailure} that names the first
 * file that was changed, is missing or is not part of it.
 */
export async function readBackup(folder: string): Promise<Manifest> {
  const remedy = "Take another backup.";
  const text = await readFile(path.join(folder, MANIFEST), "utf8").catch(() => null);
  if (text === null)
    throw new CommandFailure(`${folder} is no whole backup.`, `It has no ${MANIFEST}. ${remedy}`);
  const manifest = parse(text);
  if (manifest === null) throw new CommandFailure(`${MANIFEST} in ${folder} cannot be read.`, remedy);
  const found = (await listFiles(folder)).filter((file) => file !== MANIFEST);
  const extra = found.find((file) => !Object.hasOwn(manifest.files, file));
  if (extra !== undefined) throw new CommandFailure(`${extra} is not part of the backup.`, "Remove it.");
  for (const [file, { sha256 }] of Object.entries(manifest.files)) {
    const described = found.includes(file) ? await describeFile(path.join(folder, file)) : null;
    if (described === null) throw new CommandFailure(`${file} is missing from the backup.`, remedy);
    if (described.sha256 !== sha256) throw new CommandFailure(`${file} is not what was backed up.`, remedy);
  }
  return manifest;
}

function parse(text: string): Manifest | null {
  try {
    return FORM.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
