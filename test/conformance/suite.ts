import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { resolveCommand, runNode } from "../../scripts/local/process.ts";

const PACKAGE = "@modelcontextprotocol/conformance";

/** The protocol revisions that Gatehouse is held to, each by the scenarios it was released with. */
export const REVISIONS = ["2025-11-25", "2026-07-28"] as const;

/** One of {@link REVISIONS}. */
export type Revision = (typeof REVISIONS)[number];

/** How one scenario of the official suite went. */
export interface ScenarioResult {
  scenario: string;
  /** At least one check succeeded and none failed. */
  passed: boolean;
  /** How many checks succeeded. */
  checks: number;
  /** What failed checks said. */
  failures: string[];
  /** What checks of «should» requirements said; they do not fail a scenario. */
  warnings: string[];
}

/** A check as the suite writes it down. */
interface Check {
  id: string;
  status: "SUCCESS" | "FAILURE" | "WARNING" | "SKIPPED" | "INFO";
  errorMessage?: string;
}

/**
 * Runs the official suite against a server, with exactly the scenarios that the revision requires and in its wire
 * form; or with one scenario, required or not.
 */
export async function runSuite(
  url: string,
  revision: Revision,
  scenario?: string,
): Promise<ScenarioResult[]> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-conformance-"));
  const selection =
    scenario === undefined
      ? ["--requirements", revision]
      : ["--scenario", scenario, "--spec-version", revision, "--force"];
  try {
    const args = ["server", "--url", url, "--output-dir", folder, ...selection];
    const { stdout, stderr } = await runNode(resolveCommand(PACKAGE, "conformance"), args);
    const scenarios = scenario === undefined ? await listRequired(revision) : [scenario];
    const folders = await readdir(folder);
    if (folders.length === 0) throw new Error(`The suite ran nothing.\n${stdout}${stderr}`);
    return await Promise.all(scenarios.map((name) => readResult(name, folder, folders)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The server scenarios that count for a revision, from the list that the suite froze at its release. */
async function listRequired(revision: Revision): Promise<string[]> {
  const manifest = createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`);
  const text = await readFile(path.join(path.dirname(manifest), "requirements", `${revision}.yaml`), "utf8");
  const [, section = ""] = /^server:\n((?:[ \t]+- .*\n)+)/m.exec(text) ?? [];
  const names = [...section.matchAll(/- (\S+)/g)].map(([, name = ""]) => name);
  if (names.length === 0) throw new Error(`The requirements of ${revision} name no server scenario.`);
  return names;
}

async function readResult(
  scenario: string,
  folder: string,
  folders: readonly string[],
): Promise<ScenarioResult> {
  // The suite names a result `server-<scenario>-<time>`; a scenario that crashed leaves none.
  const name = folders.find(
    (candidate) => candidate.replace(/-\d{4}-\d\d-\d\dT.*$/, "") === `server-${scenario}`,
  );
  if (name === undefined) {
    return { scenario, passed: false, checks: 0, failures: ["The scenario left no result."], warnings: [] };
  }
  const checks = JSON.parse(await readFile(path.join(folder, name, "checks.json"), "utf8")) as Check[];
  const successes = checks.filter(({ status }) => status === "SUCCESS").length;
  const failures = describe(checks, "FAILURE");
  return {
    scenario,
    passed: successes > 0 && failures.length === 0,
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
