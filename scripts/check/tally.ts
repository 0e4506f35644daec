import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { ROOT } from "../local/root.ts";

/**
 * Folder in which runs write their counts for `.ci/run`. Not committed. Tests of a run use another folder.
 */
const FOLDER = process.env.GATEHOUSE_RESULTS ?? path.join(ROOT, ".gatehouse/results");

/** Number of passed and failed tests or checks of one run. */
export interface Tally {
  passed: number;
  failed: number;
}

/** Writes one run's counts under its name. */
export async function writeTally(name: string, { passed, failed }: Tally): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  await writeFile(path.join(FOLDER, `${name}.json`), JSON.stringify({ passed, failed }));
}

/** Deletes all counts, before a run that is summed up. */
export async function clearTallies(): Promise<void> {
  await rm(FOLDER, { recursive: true, force: true });
}

/** Sums up all counts. */
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
