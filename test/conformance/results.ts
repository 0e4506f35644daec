import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

/** Result of one scenario of the official suite. */
export interface ScenarioResult {
  scenario: string;
  /**
   * `passed`: at least one check succeeded and none failed. `skipped`: the suite itself checks nothing there.
   */
  outcome: "passed" | "failed" | "skipped";
  /** Number of successful checks. */
  checks: number;
  /** Messages of failed checks. */
  failures: string[];
  /** Messages of checks of «should» requirements; they do not fail a scenario. */
  warnings: string[];
}

/** A check in the suite's output. */
interface Check {
  id: string;
  status: "SUCCESS" | "FAILURE" | "WARNING" | "SKIPPED" | "INFO";
  errorMessage?: string;
}

/** Reads the suite's output folder: the given scenarios, or all of them. */
export async function readResults(
  folder: string,
  kind: "server" | "authorization-server",
  wanted?: readonly string[],
): Promise<ScenarioResult[]> {
  // The suite names a result `<kind>-<scenario>-<time>`; a scenario that crashed leaves none.
  const left = (await readdir(folder)).map((name): [scenario: string, folder: string] => {
    return [name.slice(kind.length + 1).replace(/-\d{4}-\d\d-\d\dT.*$/, ""), path.join(folder, name)];
  });
  const folders = new Map(left);
  const names = wanted ?? [...folders.keys()];
  return Promise.all(names.map((name) => readResult(name, folders.get(name))));
}

async function readResult(scenario: string, folder: string | undefined): Promise<ScenarioResult> {
  if (folder === undefined) {
    const failures = ["The scenario left no result."];
    return { scenario, outcome: "failed", checks: 0, failures, warnings: [] };
  }
  const checks = JSON.parse(await readFile(path.join(folder, "checks.json"), "utf8")) as Check[];
  const successes = checks.filter(({ status }) => status === "SUCCESS").length;
  const failures = describe(checks, "FAILURE");
  return {
    scenario,
    outcome: checks.every(({ status }) => status === "SKIPPED")
      ? "skipped"
      : successes > 0 && failures.length === 0
        ? "passed"
        : "failed",
    checks: successes,
    failures,
    warnings: describe(checks, "WARNING"),
  };
}

function describe(checks: readonly Check[], status: Check["status"]): string[] {
  return checks
    .filter((check) => check.status === status)
    .map(({ id, errorMessage }) => `${id}: ${errorMessage ?? "no reason given"}`);
}
