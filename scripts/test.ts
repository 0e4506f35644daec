import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { type Tally, writeTally } from "./check/tally.ts";
import { findBrowser } from "./local/browser.ts";
import { findAbsentServers } from "./local/database-servers.ts";
import { resolveCommand, runNode } from "./local/process.ts";

/** The suites in their sequence: one at a time, because each starts runtimes of its own. */
const SUITES = [
  {
    name: "unit",
    what: "code without a runtime, in Node",
    config: "vitest.unit.config.ts",
    needsBrowser: false,
  },
  { name: "workerd", what: "inside the Workers runtime", config: "vitest.config.ts", needsBrowser: false },
  {
    name: "databases",
    what: "connections, against database servers of this machine",
    config: "vitest.databases.config.ts",
    needsBrowser: false,
  },
  {
    name: "mcp",
    what: "connections, against MCP servers",
    config: "vitest.mcp.config.ts",
    needsBrowser: false,
  },
  {
    name: "node",
    what: "scripts and the built bundle",
    config: "vitest.node.config.ts",
    needsBrowser: false,
  },
  {
    name: "clients",
    what: "official clients and the conformance suite",
    config: "vitest.clients.config.ts",
    needsBrowser: false,
  },
  {
    name: "browser",
    what: "pages in a real browser",
    config: "vitest.browser.config.ts",
    needsBrowser: true,
  },
] as const;

const named = process.argv.slice(2);
const chosen = SUITES.filter(({ name }) => named.length === 0 || named.includes(name));
if (chosen.length === 0 || named.some((name) => !SUITES.some((suite) => suite.name === name))) {
  console.error(
    `npm test            every suite\nnpm test -- <name>  one of: ${SUITES.map(({ name }) => name).join(", ")}`,
  );
  process.exit(1);
}

const browser = findBrowser();
const lines: string[] = [];
let failed = 0;
for (const suite of chosen) {
  if (suite.needsBrowser && browser === null) {
    lines.push("The browser tests were left out: no Chrome or Chromium was found. Set CHROME_PATH to one.");
    // .ci/run installs a browser, so its absence is a failure there.
    if (process.env.GATEHOUSE_REQUIRE_BROWSER === "1") {
      failed += 1;
      await writeTally(`test-${suite.name}`, { passed: 0, failed: 1 });
    }
    continue;
  }
  console.log(`\n── ${suite.name}: ${suite.what}`);
  const tally = await runSuite(suite.config);
  await writeTally(`test-${suite.name}`, tally);
  failed += tally.failed;
  lines.push(`${suite.name.padEnd(8)} ${tally.passed} passed, ${tally.failed} failed`);
}
const absent = findAbsentServers();
if (absent.length > 0) lines.push(`Left out, because not installed: tests with ${absent.join(", ")}.`);
console.log(`\n${lines.join("\n")}`);
process.exit(failed > 0 ? 1 : 0);

async function runSuite(config: string): Promise<Tally> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-test-"));
  const report = path.join(folder, "report.json");
  try {
    const { code } = await runNode(
      resolveCommand("vitest"),
      ["run", "--config", config, "--reporter=default", "--reporter=json", `--outputFile.json=${report}`],
      { visible: true, env: browser === null ? {} : { CHROME_PATH: browser } },
    );
    return await readReport(report, code);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A run that crashed, or failed without a failed test (a file that does not load), counts as one failure. */
async function readReport(report: string, code: number): Promise<Tally> {
  if (!existsSync(report)) return { passed: 0, failed: 1 };
  const { numPassedTests, numFailedTests } = JSON.parse(await readFile(report, "utf8")) as {
    numPassedTests: number;
    numFailedTests: number;
  };
  const crashed = code !== 0 && numFailedTests === 0;
  return { passed: numPassedTests, failed: crashed ? 1 : numFailedTests };
}
