import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { ROOT } from "../local/root.ts";

/** Where runs leave their counts for `.ci/run` to add up. Not committed. A test of a run names another folder. */
const FOLDER = process.env.GATEHOUSE_RESULTS ?? path.join(ROOT, ".gatehouse/results");

/** How many things passed and failed in one run. */
export interface Tally {
  passed: number;
  failed: number;
}

/** Leaves one run's counts behind under its name. */
export async function writeTally(name: string, { passed, failed }: Tally): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  await writeFile(path.join(FOLDER, `${name}.json`), JSON.stringify({ passed, failed }));
}

/** Forgets all counts, before a run that will be added up. */
export async function clearTallies(): Promise<void> {
  await rm(FOLDER, { recursive: true, force: true });
}

/** Adds up all counts that were left. */
export async function sumTallies(): Promise<Tally> {
  const names = await readdir(FOLDER).catch(() => []);
  const sum: Tally = { passed: 0, failed: 0 };
  for (const name of names) {
    const tally = JSON.parse(await readFile(path.join(FOLDER, name), "utf8")) as Tally;
    sum.passed += tally.passed;
    sum.failed += tally.failed;
  }
  return sum;
}
