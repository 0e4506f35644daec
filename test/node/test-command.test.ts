import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findBrowser } from "../../scripts/local/browser.ts";
import { type ProcessResult, runNode } from "../../scripts/local/process.ts";

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
    expect(stderr).toContain("workerd, unit, databases, mcp, node, clients, browser");
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
