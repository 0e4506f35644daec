import { writeFileSync } from "node:fs";
import path from "node:path";
import type { Reporter, SerializedError, TestModule } from "vitest/node";

/** Environment variable with the path of the file that the reporter writes. */
export const REPORT_FILE = "GATEHOUSE_TEST_REPORT";

/** What a run of Vitest came to. Each of `failures` is one line: a test, a file, or an error outside of tests. */
export interface TestReport {
  passed: number;
  failed: number;
  failures: string[];
}

/**
 * Reporter of Vitest that writes a {@link TestReport}. Vitest's own JSON report leaves out the errors outside of
 * tests, so a run that one of them fails does not say why.
 */
export default class TestReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const file = process.env[REPORT_FILE];
    if (file === undefined) throw new Error(`Set ${REPORT_FILE} to the file that gets the report.`);
    writeFileSync(file, JSON.stringify(summarize(modules, errors)));
  }
}

function summarize(modules: readonly TestModule[], errors: readonly SerializedError[]): TestReport {
  const report: TestReport = { passed: 0, failed: 0, failures: [] };
  const fail = (where: string, { message, stack }: Partial<SerializedError> = {}) => {
    report.failed += 1;
    report.failures.push(`${where}: ${firstLine(message || stack)}`);
  };
  for (const testModule of modules) {
    const file = path.relative(process.cwd(), testModule.moduleId);
    for (const error of testModule.errors()) fail(file, error);
    for (const test of testModule.children.allTests()) {
      const { state, errors: reasons } = test.result();
      if (state === "passed") report.passed += 1;
      if (state === "failed") fail(`${file} > ${test.fullName}`, reasons[0]);
    }
    for (const suite of testModule.children.allSuites())
      for (const error of suite.errors()) fail(`${file} > ${suite.fullName}`, error);
  }
  for (const error of errors) {
    const test = error.VITEST_TEST_NAME ?? error.VITEST_TEST_PATH;
    fail(`outside of tests${test ? `, during ${test}` : ""}`, {
      message: [error.message, firstFrames(error.stack)].filter(Boolean).join(" "),
    });
  }
  return report;
}

/** Where an error outside of tests came from: the first three frames of its stack. */
function firstFrames(stack = ""): string {
  return stack
    .split("\n")
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 3)
    .map((line) => line.trim())
    .join(" ");
}

function firstLine(text = ""): string {
  return (text.split("\n", 1)[0] ?? "").slice(0, 500);
}
