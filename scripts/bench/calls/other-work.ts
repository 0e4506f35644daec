import { readFile } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";

/** Milliseconds in which this process does nothing, and so shows what others do. */
const LOOK_MS = 1_000;

/**
 * The share of the machine's processors that other programs use now, from 0 to 1, by `/proc/stat` (proc(5)); 0 where the
 * system does not report it.
 */
export async function measureOthers(): Promise<number> {
  const before = await readTicks();
  await wait(LOOK_MS);
  const after = await readTicks();
  const all = after.all - before.all;
  return all > 0 ? 1 - (after.idle - before.idle) / all : 0;
}

async function readTicks(): Promise<{ idle: number; all: number }> {
  const text = await readFile("/proc/stat", "utf8").catch(() => "");
  const ticks = (text.split("\n", 1)[0] ?? "").split(/\s+/).slice(1, 9).map(Number);
  const [idle = 0, waiting = 0] = ticks.slice(3, 5);
  return { idle: idle + waiting, all: ticks.reduce((sum, value) => sum + value, 0) };
}
