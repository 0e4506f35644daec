import { readFileSync } from "node:fs";

/** Milliseconds of one tick of `/proc/<pid>/stat` (Linux, USER_HZ). */
const TICK_MS = 10;

/**
 * Processor time of this process's children in milliseconds, or `null` where the system does not report it.
 * Unlike elapsed time, it does not grow when other processes use the machine.
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
  // The name in parentheses may contain spaces; user and system time are the 12th and 13th value after it.
  const values = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return Number(values[11]) + Number(values[12]);
}
