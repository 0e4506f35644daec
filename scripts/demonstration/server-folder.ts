import { createHash } from "node:crypto";
import { chownSync, cpSync, existsSync, lstatSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Account } from "./account.ts";

/** Name of the folder below the storage. */
const NAME = "demonstration";

/** Where the server of a storage has its programs and its data. */
export interface ServerFolder {
  /** The folder with `bin`, `lib` and `share`. */
  programs: string;
  /** For the server's own account alone. */
  data: string;
}

/**
 * Where the server of this storage lives: below the storage. An account that cannot enter the folders of root gets
 * both in the machine's folder for temporary files, which it can enter.
 */
export function prepareServerFolder(
  stateFolder: string,
  programs: string,
  account: Account | null,
): ServerFolder {
  const here = path.join(stateFolder, NAME);
  mkdirSync(here, { recursive: true });
  if (account === null) return { programs, data: path.join(here, "data") };
  if (canEnter(programs) && canEnter(here)) {
    chownSync(here, account.uid, account.gid);
    return { programs, data: path.join(here, "data") };
  }
  const outside = outsideFolder(stateFolder);
  mkdirSync(outside, { recursive: true, mode: 0o755 });
  requireOwnFolder(outside);
  const copied = path.join(outside, "programs");
  if (!existsSync(copied)) {
    // Renamed at its end: an interrupted copy is not taken for a whole one.
    const copy = `${copied}.${process.pid}`;
    cpSync(programs, copy, { recursive: true, verbatimSymlinks: true });
    renameSync(copy, copied);
  }
  const data = path.join(outside, "account");
  mkdirSync(data, { recursive: true, mode: 0o700 });
  chownSync(data, account.uid, account.gid);
  return { programs: copied, data: path.join(data, "data") };
}

/** Deletes programs and data of this storage's server. */
export function removeServerFolder(stateFolder: string): void {
  for (const folder of [path.join(stateFolder, NAME), outsideFolder(stateFolder)])
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

function outsideFolder(stateFolder: string): string {
  const digest = createHash("sha256").update(stateFolder).digest("hex").slice(0, 16);
  return path.join(os.tmpdir(), `gatehouse-demonstration-${digest}`);
}

/** Whether every account of the machine may enter a folder and the folders above it. */
function canEnter(folder: string): boolean {
  const above = path.dirname(folder);
  return (statSync(folder).mode & 0o001) !== 0 && (above === folder || canEnter(above));
}

/** Another person of the machine may have put something of this name there first. */
function requireOwnFolder(folder: string): void {
  const { uid, mode } = lstatSync(folder);
  if (!lstatSync(folder).isDirectory() || uid !== process.getuid?.() || (mode & 0o022) !== 0)
    throw new Error(`${folder} belongs to another account`);
}
