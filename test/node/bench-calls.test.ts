import { spawnSync } from "node:child_process";
import path from "node:path";
import { expect, it } from "vitest";
import { ROOT } from "../../scripts/local/root.ts";

const BENCH = path.join(ROOT, "scripts/bench.ts");

it("the bench of guarded calls builds, starts and answers, and a call writes no more rows than planned", () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BENCH, "calls", "--short"], {
    cwd: ROOT,
    encoding: "utf8",
    timeout: 240_000,
  });
  expect(status, `${stdout}\n${stderr}`).toBe(0);
  const counted = (name: string) => Number(new RegExp(`${name}\\s+([\\d.]+)$`, "m").exec(stdout)?.[1]);
  expect(counted("request admit")).toBeCloseTo(1, 1);
  // An intent with the previous outcome, and sometimes the end of a page or a timer.
  expect(counted("object rows written")).toBeLessThan(2);
  // Two records, each with its chain position: 4. The row that the search of the trail finds, with its six places in
  // indexes and its outcome: 8. Counts are shared by the calls of a window; on a slow machine by fewer.
  expect(counted("database rows written")).toBeLessThan(16);
  // The consumer sums a batch up before it asks the database; each statement on each event would be a hundred and more.
  expect(counted("database rows read")).toBeLessThan(40);
  // The profile is divided by the source files of the steps.
  expect(Number(/audit chain +([\d.]+) %/.exec(stdout)?.[1])).toBeGreaterThan(0);
  expect(stdout).toContain("targets");
}, 250_000);
