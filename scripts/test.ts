import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import os, { availableParallelism } from "node:os";
import path from "node:path";
import { writeTally } from "./check/tally.ts";
import { REPORT_FILE, type TestReport } from "./check/test-reporter.ts";
import { findBrowser } from "./local/browser.ts";
import { findAbsentServers } from "./local/database-servers.ts";
import { resolveCommand, runNode } from "./local/process.ts";

/** A suite of tests. */
interface Suite {
  name: string;
  what: string;
  config: string;
  needsBrowser?: boolean;
}

/**
 * The suites by phase and row. The rows of a phase run side by side, because each suite waits for timers and processes;
 * the suites of a row run one after the other, because each starts runtimes of its own. Foreign clients and the browser
 * have time-outs of their own, so they do not run together with the suite that uses both cores.
 */
const PHASES: readonly (readonly (readonly Suite[])[])[] = [
  [
    [
      { name: "workerd", what: "inside the Workers runtime", config: "vitest.config.ts" },
      {
        name: "servers",
        what: "tools of the servers, in a shared runtime",
        config: "vitest.servers.config.ts",
      },
      { name: "unit", what: "code without a runtime, in Node", config: "vitest.unit.config.ts" },
      { name: "mcp", what: "connections, against MCP servers", config: "vitest.mcp.config.ts" },
    ],
    // Both run one file after the other, on one core.
    [
      { name: "node", what: "scripts and the built bundle", config: "vitest.node.config.ts" },
      {
        name: "databases",
        what: "connections, against database servers of this machine",
        config: "vitest.databases.config.ts",
      },
    ],
  ],
  [
    [
      {
        name: "clients",
        what: "official clients and the conformance suite",
        config: "vitest.clients.config.ts",
      },
    ],
    [
      {
        name: "browser",
        what: "pages in a real browser",
        config: "vitest.browser.config.ts",
        needsBrowser: true,
      },
    ],
    // It waits for most of its minute.
    [
      {
        name: "metrics",
        what: "a Prometheus that reads the metrics",
        config: "vitest.metrics.config.ts",
      },
    ],
  ],
];
const NAMES = PHASES.flat(2).map(({ name }) => name);

const named = process.argv.slice(2);
if (named.some((name) => !NAMES.includes(name))) {
  console.error(`npm test            every suite\nnpm test -- <name>  one of: ${NAMES.join(", ")}`);
  process.exit(1);
}

const chosen = PHASES.map((rows) =>
  rows
    .map((row) => row.filter(({ name }) => named.length === 0 || named.includes(name)))
    .filter((row) => row.length > 0),
);
const browser = findBrowser();
const lines = new Map<string, string>();
const failures: string[] = [];
let failed = 0;
for (const rows of chosen) {
  if (availableParallelism() > 1) await Promise.all(rows.map((row) => runRow(row, rows.length > 1)));
  else for (const row of rows) await runRow(row, false);
}

const absent = findAbsentServers();
if (absent.length > 0)
  lines.set("absent", `Left out, because not installed: tests with ${absent.join(", ")}.`);
console.log(`\n${[...NAMES, "absent", "no browser"].flatMap((name) => lines.get(name) ?? []).join("\n")}`);
// Repeated at the end, because the rows of a phase print among each other.
if (failures.length > 0) console.log(`\nFailed:\n${failures.join("\n")}`);
process.exit(failed > 0 ? 1 : 0);

async function runRow(row: readonly Suite[], hasNeighbours: boolean): Promise<void> {
  for (const { name, what, config, needsBrowser = false } of row) {
    if (needsBrowser && browser === null) {
      lines.set(
        "no browser",
        "The browser tests were left out: no Chrome or Chromium was found. Set CHROME_PATH to one.",
      );
      // .ci/run installs a browser, so its absence is a failure there.
      if (process.env.GATEHOUSE_REQUIRE_BROWSER === "1") {
        failed += 1;
        await writeTally(`test-${name}`, { passed: 0, failed: 1 });
      }
      continue;
    }
    console.log(`── ${name}: ${what}`);
    const began = performance.now();
    const report = await runSuite(config, hasNeighbours ? name : null);
    const seconds = Math.round((performance.now() - began) / 1_000);
    await writeTally(`test-${name}`, report);
    failed += report.failed;
    failures.push(...report.failures.map((failure) => `  ${name}: ${failure}`));
    lines.set(name, `${name.padEnd(10)}${report.passed} passed, ${report.failed} failed (${seconds} s)`);
  }
}

/** Runs a suite. Where others run at the same time, each of its lines begins with `label`. */
async function runSuite(config: string, label: string | null): Promise<TestReport> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-test-"));
  const file = path.join(folder, "report.json");
  try {
    const { code } = await runNode(
      resolveCommand("vitest"),
      ["run", "--config", config, "--reporter=default", "--reporter=./scripts/check/test-reporter.ts"],
      {
        ...(label === null
          ? { visible: true }
          : { onLine: (line: string) => console.log(`${label.padEnd(10)}${line}`) }),
        env: { ...(browser === null ? {} : { CHROME_PATH: browser }), [REPORT_FILE]: file },
      },
    );
    return await readReport(file, code);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Reads a run's report. A run that ended badly without a failure in its report counts as one failure. */
async function readReport(file: string, code: number): Promise<TestReport> {
  if (!existsSync(file)) return { passed: 0, failed: 1, failures: ["the run ended without a report"] };
  const report = JSON.parse(await readFile(file, "utf8")) as TestReport;
  return code === 0 || report.failed > 0
    ? report
    : { ...report, failed: 1, failures: [`the run ended with code ${code}`] };
}
