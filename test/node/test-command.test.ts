import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { REPORT_FILE } from "../../scripts/check/test-reporter.ts";
import { findBrowser } from "../../scripts/local/browser.ts";
import { type ProcessResult, resolveCommand, runNode } from "../../scripts/local/process.ts";
import { ROOT } from "../../scripts/local/root.ts";

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-command-test-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe("npm test without a browser", () => {
  function testBrowserSuite(env: Record<string, string | undefined> = {}): Promise<ProcessResult> {
    return runNode("scripts/test.ts", ["browser"], {
      env: {
        CHROME_PATH: "none",
        GATEHOUSE_RESULTS: folder,
        GATEHOUSE_REQUIRE_BROWSER: "",
        ...env,
      },
    });
  }

  it("reports in its last line that the browser tests were skipped", async () => {
    const { code, stdout } = await testBrowserSuite();
    expect(code).toBe(0);
    expect(stdout.trim().split("\n").at(-1)).toMatch(
      /^The browser tests were left out: no Chrome or Chromium/,
    );
  });

  it("counts that as a failure where a browser is required, as in .ci/run", async () => {
    const { code } = await testBrowserSuite({ GATEHOUSE_REQUIRE_BROWSER: "1" });
    expect(code).toBe(1);
    const tally = JSON.parse(await readFile(path.join(folder, "test-browser.json"), "utf8"));
    expect(tally).toEqual({ passed: 0, failed: 1 });
  });

  it("refuses a suite that does not exist", async () => {
    const { code, stderr } = await runNode("scripts/test.ts", ["everything"]);
    expect(code).toBe(1);
    expect(stderr).toContain("workerd, servers, unit, mcp, node, databases, clients, browser, metrics");
  });
});

describe("the report of a suite", () => {
  it("names failed tests, files that do not load, and errors outside of tests", async () => {
    // Inside of the project, where Node finds Vitest.
    await mkdir(path.join(ROOT, ".gatehouse"), { recursive: true });
    const project = await mkdtemp(path.join(ROOT, ".gatehouse/report-test-"));
    try {
      await writeFile(path.join(project, "vitest.config.mjs"), "export default {};");
      await writeFile(path.join(project, "unloadable.test.mjs"), `throw new Error("no such table");`);
      await writeFile(
        path.join(project, "sums.test.mjs"),
        `import { expect, it } from "vitest";
        it("adds", async () => {
          Promise.reject(new Error("connection lost"));
          await new Promise(setImmediate);
        });
        it("subtracts", () => expect(3 - 1).toBe(1));`,
      );
      const report = path.join(project, "report.json");
      const reporter = path.join(ROOT, "scripts/check/test-reporter.ts");
      const { code } = await runNode(resolveCommand("vitest"), ["run", `--reporter=${reporter}`], {
        cwd: project,
        env: { [REPORT_FILE]: report, VITEST: undefined },
      });
      expect(code).toBe(1);
      const { passed, failed, failures } = JSON.parse(await readFile(report, "utf8"));
      expect({ passed, failed }).toEqual({ passed: 1, failed: 3 });
      expect(failures.sort()).toEqual([
        expect.stringMatching(/outside of tests, during .*: connection lost at .*sums\.test\.mjs/),
        "sums.test.mjs > subtracts: expected 2 to be 1 // Object.is equality",
        "unloadable.test.mjs: no such table",
      ]);
    } finally {
      await rm(project, { recursive: true, force: true });
    }
  });
});

describe("looking for a browser", () => {
  it("finds one in PATH, and prefers the one that CHROME_PATH names", async () => {
    const [installed, named] = [path.join(folder, "chromium"), path.join(folder, "my-chrome")];
    for (const file of [installed, named]) {
      await writeFile(file, "");
      await chmod(file, 0o755);
    }
    expect(findBrowser({ PATH: folder })).toBe(installed);
    expect(findBrowser({ PATH: folder, CHROME_PATH: named })).toBe(named);
    expect(findBrowser({ PATH: folder, CHROME_PATH: path.join(folder, "missing") })).toBe(installed);
    expect(findBrowser({ PATH: folder, CHROME_PATH: "none" })).toBeNull();
  });
});

describe("the count at the end of a run", () => {
  function count(...args: string[]): Promise<ProcessResult> {
    return runNode("scripts/count.ts", args, { env: { GATEHOUSE_RESULTS: path.join(folder, "results") } });
  }

  it("sums up the counts of every step, and fails after any failure", async () => {
    await count("clear");
    await writeFile(path.join(folder, "unrelated.json"), "{}");
    await count("passed", "deploy");
    await count("passed", "check");
    expect(await count("sum")).toMatchObject({ code: 0, stdout: "2 passed, 0 failed\n" });
    await count("failed", "check");
    expect(await count("sum")).toMatchObject({ code: 1, stdout: "1 passed, 1 failed\n" });
  });
});
