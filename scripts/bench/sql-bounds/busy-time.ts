import { readFileSync } from "node:fs";

/** Milliseconds of one tick of `/proc/<pid>/stat` (Linux, USER_HZ). */
const TICK_MS = 10;

/**
 * Milliseconds of processor time that the processes under this one have used, or `null` where the system does not say.
 * Unlike the time on the wall it does not grow when the machine is busy with something else.
 */
export function readBusyTime(): number | null {
  try {
    return listDescendants(process.pid).reduce((sum, pid) => sum + ticksOf(pid) * TICK_MS, 0);
  } catch {
    return null;
  }
}

function listDescendants(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  const children = text
    .split(" ")
    .filter((part) => part.trim() !== "")
    .map(Number);
  return children.flatMap((child) => [child, ...listDescendants(child)]);
}

function ticksOf(pid: number): number {
  // The name in parentheses may hold spaces; user and system time are the 12th and 13th value after it.
  const values = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return Number(values[11]) + Number(values[12]);
}
