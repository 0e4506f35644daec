import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { CommandFailure } from "./failure.ts";

/**
 * Takes a state folder for this process and returns how to give it back. Two runtimes over the same files would
 * each believe to be the only owner of every Durable Object. A lock whose process is gone is taken over.
 *
 * @param advice - what to do when it is taken, if not to start on other storage
 */
export function takeStateFolder(
  stateFolder: string,
  advice = "Use that one, stop it, or use other storage: npm start -- --state <folder>.",
): () => void {
  mkdirSync(stateFolder, { recursive: true });
  const file = path.join(stateFolder, "gatehouse.pid");
  try {
    writeFileSync(file, String(process.pid), { flag: "wx" });
  } catch {
    const owner = Number(readFileSync(file, "utf8"));
    if (isAlive(owner)) {
      throw new CommandFailure(
        `Gatehouse already runs on ${stateFolder} (process ${owner}).`,
        `${advice} If process ${owner} is something else, delete ${file}.`,
      );
    }
    writeFileSync(file, String(process.pid));
  }
  return () => rmSync(file, { force: true });
}

/** Whether a process with this id runs, and is not this one. */
export function isAlive(processId: number): boolean {
  if (!Number.isInteger(processId) || processId <= 0 || processId === process.pid) return false;
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
