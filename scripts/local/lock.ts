import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { CommandFailure } from "./failure.ts";

/**
 * Locks a state folder for this process and returns how to release it. Two runtimes over the same files would
 * both own every Durable Object. The lock of a process that has ended is replaced.
 *
 * @param advice - remedy when the folder is locked; by default, to use other storage
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

/** Whether another process with this id is running. */
export function isAlive(processId: number): boolean {
  if (!Number.isInteger(processId) || processId <= 0 || processId === process.pid) return false;
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
